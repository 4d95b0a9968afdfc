"""Put an evaluated artifact into the registry, once.

A version is exactly one artifact with its evaluation: its fingerprint covers both, so registering the same again finds
the version that is there, and a model that was measured anew becomes a new one.
"""

import hashlib
import io
import json
import shutil
import tempfile
from contextlib import redirect_stderr
from importlib.metadata import version as installed
from pathlib import Path

import mlflow

from registry.card import card
from registry.model.artifact import Artifact, ArtifactError
from registry.versions import CARD, PAYLOAD, Registry, RegistryError, Version

CODE = Path(__file__).parent
EVALUATION = ("metrics.json", "details.json", "predictions.csv", "mistakes.csv")
NEEDS = ("mlflow", "numpy", "onnxruntime")


def fingerprint(artifact: Artifact, evaluation: Path) -> str:
    """SHA-256, in hex, of what the version predicts with and what was measured of it."""
    total = hashlib.sha256(artifact.digest.encode())
    for name in EVALUATION:
        total.update(hashlib.sha256((evaluation / name).read_bytes()).digest())
    return total.hexdigest()


def find(registry: Registry, mark: str) -> Version | None:
    """The version with this fingerprint whose files are still there."""
    for version in registry.versions():
        if version.fingerprint == mark:
            try:
                Artifact.load(registry.folder(version))
            except (RegistryError, ArtifactError):
                continue
            return version
    return None


def publish(registry: Registry, run_id: str, artifact: Path, evaluation: Path) -> tuple[Version, bool]:
    """The version of this artifact and evaluation, and whether it was made now, under the run `run_id`."""
    loaded = Artifact.load(artifact)
    mark = fingerprint(loaded, evaluation)
    if (found := find(registry, mark)) is not None:
        return found, False
    variant = loaded.metadata["variant"]
    metrics = json.loads((evaluation / "metrics.json").read_text())
    with tempfile.TemporaryDirectory() as scratch, _resumed(registry, run_id):
        payload = Path(scratch) / PAYLOAD
        shutil.copytree(artifact, payload)
        (payload / "evaluation").mkdir()
        for name in EVALUATION:
            shutil.copy(evaluation / name, payload / "evaluation")
        if (evaluation / "figures").exists():
            shutil.copytree(evaluation / "figures", payload / "figures")
        details = json.loads((evaluation / "details.json").read_text())
        described = card(loaded, metrics, details)
        (payload / CARD).write_text(described)
        model = mlflow.pyfunc.log_model(
            name=variant,
            python_model=str(CODE / "model" / "pyfunc.py"),
            artifacts={PAYLOAD: str(payload)},
            code_paths=[str(CODE)],
            pip_requirements=[f"{name}=={installed(name)}" for name in NEEDS],
            input_example=["Are we still on for lunch?"],
        )
    tags = {
        "digest": loaded.digest,
        "variant": variant,
        "fingerprint": mark,
        "metrics": json.dumps(metrics),
    }
    with redirect_stderr(io.StringIO()):  # MLflow announces what the caller says better
        made = mlflow.register_model(model.model_uri, registry.model_name, tags=tags)
    registry.describe(made.version, described)
    return registry.resolve(str(made.version)), True


def _resumed(registry: Registry, run_id: str):
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    return mlflow.start_run(run_id=run_id)
