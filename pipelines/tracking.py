"""The only module that writes MLflow runs: one for each training, live, and anew where the store has none.

A run is found by what it trained: its tag `weights_sha256`. So a stage that came out of DVC's cache, or a store that
was thrown away, still ends with exactly one run for each set of weights.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run

from registry.settings import RegistrySettings

WEIGHTS = "weights_sha256"


def connect() -> MlflowClient:
    """Point MLflow at the configured store and make the experiment there, named as the model is."""
    settings = RegistrySettings()
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "2")  # seconds; a training takes half a minute
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.getLogger("mlflow").setLevel(logging.ERROR)  # the stages print their own progress
    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    mlflow.set_registry_uri(settings.mlflow_tracking_uri)
    client = MlflowClient()
    if client.get_experiment_by_name(settings.model_name) is None:
        client.create_experiment(settings.model_name, _artifacts_beside(settings.mlflow_tracking_uri))
    mlflow.set_experiment(settings.model_name)
    return client


def _artifacts_beside(uri: str) -> str | None:
    """The folder mlartifacts/ beside an SQLite file; a server decides for itself.

    Not MLflow's own choice, mlruns/: an existing folder of that name turns its default store back to files.
    """
    database = uri.removeprefix("sqlite:///")
    return None if database == uri else (Path(database).resolve().parent / "mlartifacts").as_uri()


@contextmanager
def training_run(variant: str, params: dict[str, Any], tags: dict[str, str]) -> Iterator[None]:
    """A live run around a training, with system metrics; it is marked failed when the block raises."""
    connect()
    with mlflow.start_run(run_name=variant, tags={"variant": variant, **tags}, log_system_metrics=True):
        mlflow.log_params(flatten(params))
        yield


def find_run(client: MlflowClient, weights: str) -> Run | None:
    """The finished run that trained these weights, the newest if several."""
    experiment = client.get_experiment_by_name(RegistrySettings().model_name)
    found = client.search_runs(
        [experiment.experiment_id],
        f"tags.{WEIGHTS} = '{weights}' and attributes.status = 'FINISHED'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return found[0] if found else None


def log_comparison(
    comparison: dict[str, dict], folds: dict[str, list[dict[str, float]]], settings: dict[str, dict], files: list[Path]
) -> None:
    """One run with `files`, and in it a run a candidate: its parameters, its means, each fold's metrics as a step."""
    connect()
    with mlflow.start_run(run_name="crossval"):
        for file in files:
            mlflow.log_artifact(str(file))
        for name, found in comparison.items():
            with mlflow.start_run(run_name=name, nested=True, tags={"candidate": name}):
                mlflow.log_params(flatten(settings[name]))
                mlflow.log_metrics({metric: value for metric, value in found.items() if isinstance(value, float)})
                for step, fold in enumerate(folds[name]):
                    mlflow.log_metrics({f"fold.{metric}": value for metric, value in fold.items()}, step=step)


def flatten(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} as {"a.b": 1}: how MLflow names nested parameters and metrics."""
    flat = {}
    for key, value in params.items():
        nested = isinstance(value, dict)
        flat |= flatten(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return flat
