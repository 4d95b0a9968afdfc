"""Make sure that MLflow has a run and a registered version of this artifact.

    python -m pipelines.register VARIANT MODEL ARTIFACT EVALUATION

It runs at every `dvc repro` and is idempotent: it looks for the run, the evaluation and the version by their hashes,
and logs from the files what is missing. That is needed because a stage that comes out of DVC's cache logs nothing, and
because MLflow's store can be new.
"""

import csv
import json
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from pipelines import params, stage, tracking
from pipelines.hashing import sha256_of_files
from registry.model.artifact import ArtifactError
from registry.model.evaluation import EvaluationDetails
from registry.publish import publish
from registry.settings import RegistrySettings
from registry.versions import STAND_IN, Registry, RegistryError

EVALUATION = "evaluation_sha256"  # a run's tag


def ensure_run(client: MlflowClient, variant: str, settings: params.Variant, model: Path, metadata: dict) -> str:
    """The id of the run that trained these weights; where the store has none, a new one is logged from the files."""
    weights = sha256_of_files([model / "model.weights.h5"])
    if (existing := tracking.find_run(client, weights)) is not None:
        return existing.info.run_id
    tags = {"variant": variant, tracking.WEIGHTS: weights, "corpus_sha256": metadata["corpus_sha256"]}
    tags |= {STAND_IN: metadata[STAND_IN]} if STAND_IN in metadata else {}
    with mlflow.start_run(run_name=variant, tags=tags) as run:
        mlflow.log_params(tracking.flatten(settings.model_dump()))
        with open(model / "curves.csv", newline="") as file:
            for row in csv.DictReader(file):
                epoch = int(row.pop("epoch"))
                mlflow.log_metrics({name: float(value) for name, value in row.items()}, step=epoch)
    return run.info.run_id


def ensure_evaluation(client: MlflowClient, run_id: str, evaluation: Path) -> None:
    """The evaluation's metrics, tables and figures on the run; logged again only when one of its files has changed."""
    content = sha256_of_files(sorted(file for file in evaluation.rglob("*") if file.is_file()))
    if client.get_run(run_id).data.tags.get(EVALUATION) == content:
        return
    metrics = json.loads((evaluation / "metrics.json").read_text())
    metrics |= flat_metrics(EvaluationDetails.read(evaluation / "details.json"))
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics(metrics)
        mlflow.log_artifacts(str(evaluation), "evaluation")
        mlflow.set_tag(EVALUATION, content)


def flat_metrics(details: EvaluationDetails) -> dict[str, float]:
    """The details that are numbers, under names that MLflow accepts."""
    metrics = tracking.flatten({"baseline": details.baseline, "slice": details.slices})
    for name, (low, high) in details.intervals.items():
        metrics |= {f"{name}.low": low, f"{name}.high": high}
    for name, figures in details.crossval.get("candidates", {}).items():
        means = {metric: value for metric, value in figures.items() if isinstance(value, float)}
        metrics |= tracking.flatten({"crossval": {name: means}})
    return metrics


def main() -> None:
    args = stage.parse(
        "register",
        __doc__,
        "lstm build/lstm/model build/lstm/artifact build/lstm/evaluation",
        variant=stage.VARIANT,
        model=stage.MODEL,
        artifact=stage.ARTIFACT,
        evaluation="the folder that `evaluate` wrote",
    )
    settings = params.variant(args.variant)
    metadata = json.loads((args.artifact / "metadata.json").read_text())  # before MLflow makes a store where none is
    client = tracking.connect()
    run_id = ensure_run(client, args.variant, settings, args.model, metadata)
    ensure_evaluation(client, run_id, args.evaluation)
    store = RegistrySettings()
    registry = Registry(store.model_name, store.mlflow_tracking_uri)
    version, new = publish(registry, run_id, args.artifact, args.evaluation)
    done, mark = "registered as" if new else "already", ", trained on the stand-in" if version.stand_in else ""
    print(f"{args.variant}: {done} version {version.number} of {store.model_name}{mark}")


if __name__ == "__main__":
    stage.run(main, ArtifactError, RegistryError)
