"""MLflow runs: one for each training, and one for each cross-validation.

A training goes on when MLflow's server stops answering. What could not be logged is logged when it ends, or by
`register`, which is told of such a run by the file `interrupted_run.json` beside the weights' folder.

A training's run is identified by the weights that it trained, in its tag `weights_sha256`. So there is exactly one run
for each set of weights, also after a stage came out of DVC's cache, or with a new MLflow store.

Its inputs are the tables that it read, each with the beginning of the SHA-256 of its file, as `sha256sum` prints it.
"""

import json
import logging
import os
import signal
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from pipelines.hashing import sha256_of_file
from registry.errors import as_registry_errors
from registry.settings import RegistrySettings

WEIGHTS = "weights_sha256"
CANDIDATE = "candidate"  # the tag of a run that holds a candidate's cross-validation
INTERRUPTED = "interrupted_run.json"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
DIGEST = 36  # characters of a data set's digest that MLflow has room for
NOTE = "mlflow.note.content"  # the tag with a description, of a run or an experiment
EXPERIMENT = (
    "Trainings of the variants in params.yaml: each has a run of its own, with the data that it read, and its "
    "evaluation in `evaluation/`: the model card, the report and the figures. A cross-validation is a run with nested "
    "ones, one for each candidate."
)


def connect() -> MlflowClient:
    """Connect MLflow to the configured store, and create the experiment there, which has the model's name.

    Raises RegistryError where the store does not answer.
    """
    settings = RegistrySettings()
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "2")  # seconds; a training takes half a minute
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault(RETRIES, "3")  # 12 seconds; MLflow's own 7 are 4 minutes
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # the stages print their own progress
    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    mlflow.set_registry_uri(settings.mlflow_tracking_uri)
    with as_registry_errors(settings.mlflow_tracking_uri):
        return _client_with_experiment(settings)


def _client_with_experiment(settings: RegistrySettings) -> MlflowClient:
    client = MlflowClient()
    if client.get_experiment_by_name(settings.model_name) is None:
        with suppress(MlflowException):  # somebody else created it meanwhile; anything else fails at the next line
            artifacts = _artifacts_beside(settings.mlflow_tracking_uri)
            client.create_experiment(settings.model_name, artifacts, {NOTE: EXPERIMENT})
    mlflow.set_experiment(settings.model_name)
    return client


def _artifacts_beside(uri: str) -> str | None:
    """The folder mlartifacts/ beside an SQLite file; None for a server, which has a place of its own.

    Not MLflow's own choice, mlruns/: an existing folder of that name turns its default store back to files.
    """
    database = uri.removeprefix("sqlite:///")
    return None if database == uri else (Path(database).resolve().parent / "mlartifacts").as_uri()


class TrainingRun:
    """The active run of a training, which goes on when MLflow stops answering."""

    def __init__(self) -> None:
        self.run_id: str = mlflow.active_run().info.run_id
        self._waiting: list[tuple[int, dict[str, float]]] = []
        self._lost = False

    def log_epoch(self, epoch: int, figures: dict[str, float]) -> None:
        """Log what was measured after an epoch, or keep it for `finish`."""
        self._waiting.append((epoch, figures))
        if self._lost:
            return
        try:
            self._send()
        except MlflowException as error:
            self._lost = True
            os.environ[RETRIES] = "0"
            print(f"MLflow does not answer, the training goes on without it: {error}", flush=True)

    def finish(self, weights: str, interrupted: Path) -> None:
        """End the run as the one that trained the weights with this hash.

        If MLflow does not answer, the file `interrupted` gets what `register` needs to complete the run.
        """
        interrupted.unlink(missing_ok=True)
        try:
            self._send()
            mlflow.set_tag(WEIGHTS, weights)
            mlflow.end_run()
        except MlflowException:
            interrupted.write_text(json.dumps({"run_id": self.run_id, WEIGHTS: weights}))
            with suppress(MlflowException):
                mlflow.end_run()  # it is no longer the active one, even where the server does not hear of it

    def _send(self) -> None:
        while self._waiting:
            log_epoch(*self._waiting[0])
            del self._waiting[0]


@contextmanager
def training_run(
    variant: str, params: dict[str, Any], tags: dict[str, str], log_system_metrics: bool = True
) -> Iterator[TrainingRun]:
    """A run of the variant's training; see `run` for how it ends."""
    connect()
    with run(
        run_name=run_name(variant, datetime.now(UTC)),
        tags={"variant": variant, **tags},
        description=f"A training of the variant `{variant}` in params.yaml. Its evaluation is in `evaluation/`: "
        "`report.html`, the model card `card.md`, and the figures.",
        log_system_metrics=log_system_metrics,
    ):
        mlflow.log_params(flatten(params))
        yield TrainingRun()


@contextmanager
def interrupted_run(client: MlflowClient, weights: str, file: Path) -> Iterator[set[int] | None]:
    """Go on with the run in `file`, which MLflow lost when these weights were trained; the epochs that it has.

    None where there is no such file, or the store has no such run.
    """
    content = json.loads(file.read_text()) if file.exists() else {}
    if content.get(WEIGHTS) != weights or not _has_run(client, content["run_id"]):
        yield None
        return
    history = client.get_metric_history(content["run_id"], "epoch/val_loss")
    with run(run_id=content["run_id"]):
        yield {metric.step for metric in history}
    file.unlink()


def _has_run(client: MlflowClient, run_id: str) -> bool:
    try:
        client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def run_name(variant: str, started: datetime) -> str:
    """`lstm 2026-11-25 20:37:19`, or `lstm tangy-boat 2026-11-25 20:37:19` within the experiment of DVC `tangy-boat`.

    The time, in UTC, tells two runs of a variant apart.
    """
    words = (variant, os.environ.get("DVC_EXP_NAME"), started.strftime("%Y-%m-%d %H:%M:%S"))
    return " ".join(filter(None, words))


def log_epoch(epoch: int, figures: dict[str, float]) -> None:
    """Log what was measured after an epoch of the active run's training."""
    mlflow.log_metrics({f"epoch/{name}": value for name, value in figures.items()}, step=epoch)


def log_training_data(prepared: Path, sources: Collection[str] | None) -> None:
    """Make the messages of these sources, or all, of the tables to train on the data sets of the active run."""
    log_input(prepared / "train.csv", "training", sources)
    log_input(prepared / "validation.csv", "validation", sources)


def log_input(file: Path, context: str, sources: Collection[str] | None = None) -> None:
    """Make a table a data set of the active run; it is named by the sources of its messages."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)  # a message may read "NA" or "null"
    rows = table if sources is None else table[table["source"].isin(sources)]
    name, digest = "+".join(rows["source"].unique()), sha256_of_file(file)
    with warnings.catch_warnings():  # that a path could also be another kind of source
        warnings.simplefilter("ignore", UserWarning)
        dataset = mlflow.data.from_pandas(rows, source=file.as_posix(), name=name, digest=digest[:DIGEST])
    mlflow.log_input(dataset, context=context, tags={"sha256": digest, "file": file.name})


@contextmanager
def run(**arguments: Any) -> Iterator[None]:
    """`mlflow.start_run` with these arguments: FAILED when the block raises, KILLED after Ctrl-C or SIGTERM.

    SIGTERM ends the block as Ctrl-C does: by itself it would end the process, and the run would be RUNNING for ever.
    """
    before = signal.signal(signal.SIGTERM, _exit)
    try:
        with mlflow.start_run(**arguments):
            try:
                yield
            except (KeyboardInterrupt, SystemExit):
                mlflow.end_run("KILLED")
                raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)  # the status that a shell gives to a program ended by a signal


def find_run(client: MlflowClient, weights: str) -> Run | None:
    """The finished run that trained the weights with this hash, the newest if several."""
    experiment = client.get_experiment_by_name(RegistrySettings().model_name)
    runs = client.search_runs(
        [experiment.experiment_id],
        f"tags.{WEIGHTS} = '{weights}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return runs[0] if runs else None


def nested_run(client: MlflowClient, parent: str, candidate: str) -> str | None:
    """The id of the run nested in `parent` that holds this candidate's cross-validation."""
    experiment = client.get_run(parent).info.experiment_id
    runs = client.search_runs(
        [experiment], f"tags.mlflow.parentRunId = '{parent}' and tags.{CANDIDATE} = '{candidate}'", max_results=1
    )
    return runs[0].info.run_id if runs else None


def log_crossval(candidates: dict[str, dict], folds: pd.DataFrame, files: list[Path]) -> None:
    """One run with `files`, and a nested run for each candidate: its parameters, its means, and its folds as steps.

    `folds` has the columns candidate, repeat and fold, and the metrics.
    """
    connect()
    described = "A repeated cross-validation; `table.md` compares the candidates, each of which has a nested run."
    with run(run_name=run_name("crossval", datetime.now(UTC)), description=described):
        for file in files:
            mlflow.log_artifact(str(file))
        for name, figures in candidates.items():
            rows = folds[folds["candidate"] == name].drop(columns=["candidate", "repeat", "fold"])
            with run(run_name=name, nested=True, tags={CANDIDATE: name}):
                mlflow.log_params(flatten(figures["parameters"]))
                mlflow.log_metrics({metric: value for metric, value in figures.items() if isinstance(value, float)})
                for step, row in enumerate(rows.to_dict("records")):
                    mlflow.log_metrics({f"fold/{metric}": value for metric, value in row.items()}, step=step)


def flatten(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}, since MLflow's parameters and metrics are flat."""
    flat = {}
    for key, value in params.items():
        nested = isinstance(value, dict)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
