"""Make sure that MLflow holds a run and a registered version for exactly this artifact.

    python -m pipelines.register VARIANT MODEL ARTIFACT EVALUATION

Runs at every `dvc repro`, since a stage that comes out of DVC's cache logs nothing and an MLflow store can be new: what
is there already is found by its hash and left alone, what is missing is logged from the files.
"""

import argparse
import csv
import json
from pathlib import Path

import mlflow
from mlflow import MlflowClient

from pipelines import params, tracking
from pipelines.hashing import sha256_of_files
from registry.publish import publish
from registry.settings import RegistrySettings
from registry.versions import Registry

EVALUATED = "evaluation_sha256"


def ensure_run(client: MlflowClient, variant: str, settings: params.Variant, model: Path, about: dict) -> str:
    """The id of the run that trained these weights; logged anew from the files where the store has none."""
    weights = sha256_of_files([model / "model.weights.h5"])
    if (found := tracking.find_run(client, weights)) is not None:
        return found.info.run_id
    tags = {"variant": variant, tracking.WEIGHTS: weights, "corpus_sha256": about["corpus_sha256"]}
    with mlflow.start_run(run_name=variant, tags=tags) as run:
        mlflow.log_params(tracking.flatten(settings.model_dump()))
        with open(model / "curves.csv", newline="") as file:
            for row in csv.DictReader(file):
                epoch = int(row.pop("epoch"))
                mlflow.log_metrics({name: float(value) for name, value in row.items()}, step=epoch)
    return run.info.run_id


def ensure_evaluation(client: MlflowClient, run_id: str, evaluation: Path) -> None:
    """The evaluation's metrics, tables and figures on the run, logged once for each state of them."""
    files = sorted(file for file in evaluation.rglob("*") if file.is_file())
    mark = sha256_of_files(files)
    if client.get_run(run_id).data.tags.get(EVALUATED) == mark:
        return
    measured = json.loads((evaluation / "metrics.json").read_text())
    details = json.loads((evaluation / "details.json").read_text())
    for name, (low, high) in details["intervals"].items():
        measured |= {f"{name}.low": low, f"{name}.high": high}
    measured |= tracking.flatten({"baseline": details["baseline"], "slice": details["slices"]})
    for name, figures in details["crossval"].get("candidates", {}).items():
        means = {metric: value for metric, value in figures.items() if isinstance(value, float)}
        measured |= tracking.flatten({"crossval": {name: means}})
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metrics(measured)
        mlflow.log_artifacts(str(evaluation), "evaluation")
        mlflow.set_tag(EVALUATED, mark)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variant")
    for name in ("model", "artifact", "evaluation"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    settings = params.variant(args.variant)
    client = tracking.connect()
    about = json.loads((args.artifact / "metadata.json").read_text())
    run_id = ensure_run(client, args.variant, settings, args.model, about)
    ensure_evaluation(client, run_id, args.evaluation)
    store = RegistrySettings()
    registry = Registry(store.model_name, store.mlflow_tracking_uri)
    version, new = publish(registry, run_id, args.artifact, args.evaluation)
    print(f"{args.variant}: {'registered as' if new else 'already'} version {version.number} of {store.model_name}")


if __name__ == "__main__":
    main()
