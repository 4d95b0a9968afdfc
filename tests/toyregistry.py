"""A real MLflow registry with toy versions in it, created in less than a second, for tests that need no training."""

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from registry.metrics import mcc
from tests.toy import write_toy

MODEL_NAME = "sms-spam"
ACTUAL = np.array(["spam"] * 60 + ["ham"] * 340)


def make_registry(folder: Path, champion: float = -1.0, challenger: float = -4.0) -> str:
    """Register toys with these biases as versions 1, `champion`, and 2, `challenger`; return the registry's URI."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    for alias, bias in (("champion", champion), ("challenger", challenger)):
        add_version(folder, uri, bias, alias)
    return uri


def empty_registry(folder: Path) -> str:
    """The URI of a store in `folder` without any run or version."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    _create_database(uri)
    return uri


def add_version(
    folder: Path,
    uri: str,
    bias: float = -1.0,
    alias: str | None = None,
    wrong: int = 0,
    artifact: Path | None = None,
    **metadata: str,
) -> str:
    """Register a toy as `pipelines.register` would, with `wrong` of its test messages mistaken; return its number.

    Given an `artifact`, that version's files are registered instead of a toy's.
    """
    from mlflow import MlflowClient

    from registry.publish import publish
    from registry.versions import Registry

    _create_database(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("toys")
    kept = (folder / "artifacts").as_uri() if uri.startswith("sqlite:") else None  # a server has its own place
    experiment_id = experiment.experiment_id if experiment else client.create_experiment("toys", kept)
    run = client.create_run(experiment_id)
    evaluation = folder / f"evaluation{bias}"
    if artifact is None:
        artifact = folder / f"toy{bias}"
        write_toy(artifact, bias, **metadata)
    write_evaluation(evaluation, wrong)
    version, _ = publish(Registry(MODEL_NAME, uri), run.info.run_id, artifact, evaluation)
    if alias:
        client.set_model_version_tag(MODEL_NAME, version.number, "admitted", "{}")
        client.set_registered_model_alias(MODEL_NAME, alias, version.number)
    return version.number


def write_evaluation(folder: Path, wrong: int) -> None:
    """Write what `pipelines.evaluate` would for 400 messages, the first `wrong` of which (spam first) are mistaken."""
    predicted = ACTUAL.copy()
    predicted[:wrong] = np.where(ACTUAL[:wrong] == "spam", "ham", "spam")
    metrics = {"mcc": mcc(ACTUAL, predicted), "ham_blocked": float((predicted[60:] == "spam").mean())}
    rows = "".join(f"{i:04},{a},{p}\n" for i, (a, p) in enumerate(zip(ACTUAL, predicted, strict=True)))
    folder.mkdir(exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "details.json").write_text("{}")
    (folder / "predictions.csv").write_text("id,actual,predicted\n" + rows)
    (folder / "mistakes.csv").write_text("confidence,actual,predicted,text\n")


def _create_database(uri: str) -> None:
    """Copy an empty MLflow database to the SQLite file of `uri` if it does not exist: creating its tables takes 1 s."""
    path = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not path.exists():
        path.write_bytes(_empty_database())


@cache
def _empty_database() -> bytes:
    from mlflow import MlflowClient

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        uri = f"sqlite:///{path}"
        MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models()
        return path.read_bytes()
