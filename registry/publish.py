"""Publish an evaluated artifact as a version of the registered model, once.

A version is one artifact with its evaluation, and its fingerprint covers both: publishing the same again finds the
version that exists, and an artifact that was evaluated anew becomes a new version.
"""

import hashlib
import io
import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib.metadata import version as installed_version
from pathlib import Path

import mlflow
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from registry.card import card
from registry.description import describe, describe_model
from registry.errors import RegistryError
from registry.lock import changing
from registry.model.artifact import Artifact, ArtifactError
from registry.model.evaluation import EvaluationDetails
from registry.versions import CARD, CORPUS, EVALUATION, PAYLOAD, REPORT, STAND_IN, Registry, Version

CODE = Path(__file__).parent
EVALUATION_FILES = ("metrics.json", "details.json", "predictions.csv", "mistakes.csv")
REQUIREMENTS = ("mlflow", "numpy", "onnxruntime", "pandas", "pydantic")


def publish(
    registry: Registry, run_id: str, artifact: Path, evaluation: Path, report: Path | None = None
) -> tuple[Version, bool]:
    """The version of this artifact and evaluation, and whether it is new; a new one belongs to the run `run_id`.

    Two who publish the same at once get the same version. `report`, a page about the evaluation, is kept in the
    version's folder as report.html.
    """
    loaded = Artifact.load(artifact)
    mark = fingerprint(loaded, evaluation)
    if existing := find(registry, mark):
        return existing, False
    metrics = json.loads((evaluation / "metrics.json").read_text())
    text = card(loaded, metrics, EvaluationDetails.read(evaluation / "details.json"))
    variant = loaded.metadata["variant"]
    with tempfile.TemporaryDirectory() as scratch:
        payload = _copy(artifact, evaluation, Path(scratch) / PAYLOAD)
        (payload / CARD).write_text(text)
        if report:
            shutil.copy(report, payload / REPORT)
        model_uri = _log(registry, run_id, variant, payload, signature(loaded.labels))
    tags = {"digest": loaded.digest, "variant": variant, "fingerprint": mark, "metrics": json.dumps(metrics)}
    tags |= {name: loaded.metadata[name] for name in (CORPUS, STAND_IN) if name in loaded.metadata}
    with changing(registry):
        if existing := find(registry, mark):  # somebody else published it meanwhile
            return existing, False
        with redirect_stderr(io.StringIO()):  # MLflow prints a line for each version, and so does the caller
            number = str(mlflow.register_model(model_uri, registry.model_name, tags=tags).version)
    version = registry.resolve(number)
    describe(registry, version, text)
    describe_model(registry)
    return version, True


def fingerprint(artifact: Artifact, evaluation: Path) -> str:
    """SHA-256, in hex, of the artifact and of what was measured of it."""
    total = hashlib.sha256(artifact.digest.encode())
    for name in EVALUATION_FILES:
        total.update(hashlib.sha256((evaluation / name).read_bytes()).digest())
    return total.hexdigest()


def find(registry: Registry, mark: str) -> Version | None:
    """The version with this fingerprint, if its files still exist."""
    for version in registry.versions():
        if version.fingerprint == mark:
            try:
                with registry.files(version) as folder:
                    Artifact.load(folder)
            except (RegistryError, ArtifactError):
                continue
            return version
    return None


def _copy(artifact: Path, evaluation: Path, payload: Path) -> Path:
    """Put the artifact, its evaluation and its figures, where there are any, into the new folder `payload`."""
    shutil.copytree(artifact, payload)
    (payload / EVALUATION).mkdir()
    for name in EVALUATION_FILES:
        shutil.copy(evaluation / name, payload / EVALUATION)
    if (evaluation / "figures").exists():
        shutil.copytree(evaluation / "figures", payload / "figures")
    return payload


def signature(labels: Sequence[str]) -> ModelSignature:
    """What the pyfunc takes and answers: a text without a name; label, verdict and a probability for each label."""
    columns = [ColSpec("string", "label"), ColSpec("string", "verdict"), *(ColSpec("double", name) for name in labels)]
    return ModelSignature(Schema([ColSpec("string")]), Schema(columns))


def _log(registry: Registry, run_id: str, variant: str, payload: Path, columns: ModelSignature) -> str:
    """Log the folder as an MLflow pyfunc under the run; return the model's URI."""
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    with mlflow.start_run(run_id=run_id), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that `predict` could have type hints
        return mlflow.pyfunc.log_model(
            name=variant,
            python_model=str(CODE / "model" / "pyfunc.py"),
            artifacts={PAYLOAD: str(payload)},
            code_paths=[str(CODE)],
            pip_requirements=[f"{name}=={installed_version(name)}" for name in REQUIREMENTS],
            signature=columns,
            model_config={"column": ""},  # see registry/model/pyfunc.py
            input_example=["Are we still on for lunch?"],
        ).model_uri
