"""Make sure that MLflow has a run and a registered version of this artifact.

    python -m pipelines.register VARIANT PREPARED VALIDATION MODEL ARTIFACT EVALUATION REPORT

It runs at every `dvc repro` and is idempotent: it looks for the run, the evaluation and the version by their hashes,
and logs from the files what is missing. That is needed because a stage that comes out of DVC's cache logs nothing, and
because MLflow's store can be new.

In a run, the metrics that stand alone are of the main corpus's test messages. The others have a group in front of a
slash, which MLflow's pages fold up: `interval/mcc.low`, `source/written.caught`, `slice/short.f1`.
"""

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

from pipelines import params, stage, tracking
from pipelines.hashing import sha256_of_files
from registry.card import card
from registry.errors import RegistryError
from registry.lock import STALE, changing
from registry.model.artifact import Artifact, ArtifactError
from registry.model.evaluation import EvaluationDetails
from registry.publish import publish
from registry.settings import RegistrySettings
from registry.versions import CARD, CORPUS, EVALUATION, REPORT, STAND_IN, Registry

EVALUATED = "evaluation_sha256"  # a run's tag


def ensure_run(
    client: MlflowClient, variant: str, settings: params.Variant, prepared: Path, model: Path, metadata: dict
) -> str:
    """The id of the run that trained these weights.

    One that MLflow lost meanwhile is completed from the files; where the store has none, it is logged from them.
    """
    weights = sha256_of_files([model / "model.weights.h5"])
    if (existing := tracking.find_run(client, weights)) is not None:
        return existing.info.run_id
    with tracking.interrupted_run(client, weights, model.parent / tracking.INTERRUPTED) as known:
        if known is not None:
            _log_epochs(model / "curves.csv", known)
            mlflow.set_tag(tracking.WEIGHTS, weights)
            return mlflow.active_run().info.run_id
    tags = {CORPUS: metadata[CORPUS]}
    tags |= {STAND_IN: metadata[STAND_IN]} if STAND_IN in metadata else {}
    with tracking.training_run(variant, settings.model_dump(), tags, log_system_metrics=False) as run:
        tracking.log_training_data(prepared, settings.sources)
        _log_epochs(model / "curves.csv", set())
        mlflow.set_tag(tracking.WEIGHTS, weights)
        return run.run_id


def _log_epochs(curves: Path, known: set[int]) -> None:
    """Log the epochs of the table that the active run does not have."""
    with open(curves, newline="") as file:
        for row in csv.DictReader(file):
            if (epoch := int(row.pop("epoch"))) not in known:
                tracking.log_epoch(epoch, {name: float(value) for name, value in row.items()})


def ensure_evaluation(client: MlflowClient, run_id: str, args: argparse.Namespace) -> None:
    """What was measured, on the run; it is logged again only when one of the files has changed."""
    files = sorted(file for file in args.evaluation.rglob("*") if file.is_file())
    content = sha256_of_files([*files, args.report, args.validation])
    if client.get_run(run_id).data.tags.get(EVALUATED) == content:
        return
    metrics = json.loads((args.evaluation / "metrics.json").read_text())
    details = EvaluationDetails.read(args.evaluation / "details.json")
    outcomes = json.loads(args.validation.read_text())
    met = sum(outcome["success"] for outcome in outcomes)
    with mlflow.start_run(run_id=run_id):
        tracking.log_input(args.prepared / "test.csv", "evaluation")
        mlflow.log_metrics({grouped(name): value for name, value in metrics.items()} | grouped_details(details))
        mlflow.log_metrics({"validation/expectations": len(outcomes), "validation/met": met})
        mlflow.log_artifacts(str(args.evaluation), EVALUATION)
        mlflow.log_text(card(Artifact.load(args.artifact), metrics, details), f"{EVALUATION}/{CARD}")
        mlflow.log_text(args.report.read_text(encoding="utf-8"), f"{EVALUATION}/{REPORT}")
        mlflow.log_artifact(str(args.validation))
        if details.crossval:
            log_crossval(client, run_id, args.variant, details.crossval)
        tags = {EVALUATED: content, "great_expectations": f"{met} of {len(outcomes)} expectations met"}
        mlflow.set_tags(tags)


def grouped(name: str) -> str:
    """`source.written.caught` as `source/written.caught`; a name without a dot as it is."""
    return name.replace(".", "/", 1)


def grouped_details(details: EvaluationDetails) -> dict[str, float]:
    """The details that are numbers, as metrics in groups."""
    groups = {"baseline": details.baseline, "slice": details.slices, "interval": named_bounds(details.intervals)}
    return {grouped(name): value for name, value in tracking.flatten(groups).items()}


def named_bounds(intervals: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    return {name: {"low": low, "high": high} for name, (low, high) in intervals.items()}


def log_crossval(client: MlflowClient, run_id: str, variant: str, crossval: dict[str, Any]) -> None:
    """A run nested in the active one, with the recorded cross-validation of its variant."""
    own = crossval["candidates"][variant]
    metrics = {name: value for name, value in own.items() if isinstance(value, float)}
    metrics |= tracking.flatten({"interval": named_bounds(own["intervals"]), "against": own["against"]})
    described = (
        f"The recorded cross-validation of `{variant}`: {crossval['repeats']} times {crossval['folds']} folds of "
        f"{crossval['messages']} messages outside the test split. The metrics are means over the folds."
    )
    earlier = tracking.nested_run(client, run_id, variant)
    new = {"run_name": f"{variant} cross-validation", "nested": True, "tags": {tracking.CANDIDATE: variant}}
    again = {"run_id": earlier, "nested": True}
    with mlflow.start_run(**again if earlier else new, description=described):
        mlflow.log_metrics({grouped(name): value for name, value in metrics.items()})


def main() -> None:
    args = stage.parse(
        "register",
        __doc__,
        "lstm build/prepared build/validation.json build/lstm/model build/lstm/artifact build/lstm/evaluation"
        " build/reports/lstm.html",
        variant=stage.VARIANT,
        prepared=stage.PREPARED,
        validation="the file that `validate` wrote",
        model=stage.MODEL,
        artifact=stage.ARTIFACT,
        evaluation="the folder that `evaluate` wrote",
        report="the page that `evaluate` wrote",
    )
    settings = params.variant(args.variant)
    metadata = json.loads((args.artifact / "metadata.json").read_text())  # before MLflow makes a store where none is
    client = tracking.connect()
    store = RegistrySettings()
    registry = Registry(store.model_name, store.mlflow_tracking_uri)
    with changing(registry, wait=STALE):  # somebody else may register the same at the same time
        run_id = ensure_run(client, args.variant, settings, args.prepared, args.model, metadata)
        ensure_evaluation(client, run_id, args)
    version, new = publish(registry, run_id, args.artifact, args.evaluation, args.report)
    done, mark = "registered as" if new else "already", ", trained on the stand-in" if version.stand_in else ""
    print(f"{args.variant}: {done} version {version.number} of {store.model_name}{mark}")


if __name__ == "__main__":
    stage.run(main, ArtifactError, RegistryError)
