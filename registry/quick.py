"""A Registry that reads without MLflow, whose import takes two seconds: `list` then answers in a fraction of one.

What `registry.reading` does not cover is read by MLflow, which also does all that changes something.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from registry.errors import RegistryError, registry_error
from registry.reading import NeedsMLflow, Source
from registry.reading.local_files import local_path
from registry.reading.mlflow_process import MLflowProcess
from registry.reading.rest import WORKSPACE, TrackingServer
from registry.reading.sql import SQLITE, database_tables, sqlite_tables
from registry.versions import PAYLOAD, RegisteredModel, Registry, Version

DATABASES = ("postgresql", "mysql", "mssql")  # besides SQLite, those that MLflow keeps its tables in
PAUSE = 30.0  # seconds between two equal questions to MLflow's process: each start takes two seconds of a processor

T = TypeVar("T")


class QuickRegistry(Registry):
    """Asks MLflow, in this process, only for what it cannot read itself."""

    def model(self) -> RegisteredModel | None:
        try:
            return self._source.model(self.model_name)
        except NeedsMLflow:
            return super().model()

    def model_tags(self) -> dict[str, str]:
        try:
            tags = self._source.tags(self.model_name)
        except NeedsMLflow:
            tags = None
        return super().model_tags() if tags is None else tags  # MLflow has an error for a model that is not there

    def folder(self, version: Version, downloads: str | None = None) -> Path:
        return self.local_folder(version) or super().folder(version, downloads)

    def local_folder(self, version: Version) -> Path | None:
        """The version's artifact, if it is on this machine. Raises RegistryError where it should be and is not."""
        try:
            path = local_path(self._source.location(self.model_name, version.number))
        except NeedsMLflow:
            return None
        if path and not path.is_dir():
            raise registry_error(self.tracking_uri, f"No such folder: {path}")
        return path and path / "artifacts" / PAYLOAD

    @cached_property
    def _source(self) -> Source:
        return source_of(self.tracking_uri)


class DetachedRegistry(QuickRegistry):
    """For a process that must not grow by MLflow's import: `model` and `download` ask MLflow in another one."""

    def __init__(self, model_name: str, tracking_uri: str, mlflow: MLflowProcess) -> None:
        super().__init__(model_name, tracking_uri)
        self._mlflow = mlflow
        self._answers: dict[str, tuple[float, object]] = {}  # when a question may be asked again, and what came of it

    def model(self) -> RegisteredModel | None:
        try:
            return self._source.model(self.model_name)
        except NeedsMLflow:
            return self._ask("model", lambda: self._mlflow.model(self.tracking_uri, self.model_name), keep=True)

    def download(self, version: Version, downloads: Path | None = None) -> Path:
        """The version's artifact in a new folder below `downloads`."""
        return self._ask(version.key, lambda: self._download(version, downloads), keep=False)

    def _download(self, version: Version, downloads: Path | None) -> Path:
        into = tempfile.mkdtemp(dir=downloads)
        try:
            return self._mlflow.folder(self.tracking_uri, self.model_name, version, into)
        except BaseException:
            shutil.rmtree(into, ignore_errors=True)
            raise

    def _ask(self, question: str, ask: Callable[[], T], keep: bool) -> T:
        """The answer; for PAUSE seconds the same again where there was an error, or where answers are to be kept."""
        again_at, answer = self._answers.pop(question, (0.0, None))
        if time.monotonic() >= again_at:
            try:
                answer = ask()
            except RegistryError as error:
                answer = error
            again_at = time.monotonic() + PAUSE
        if keep or isinstance(answer, RegistryError):
            self._answers[question] = again_at, answer
        if isinstance(answer, RegistryError):
            raise RegistryError(str(answer))
        return answer


def source_of(uri: str) -> Source:
    """What reads the registry at `uri`. Raises NeedsMLflow where that is MLflow alone."""
    scheme = uri.partition(":")[0].partition("+")[0].lower()
    if scheme in ("http", "https"):
        return TrackingServer(uri)
    if WORKSPACE not in os.environ:  # `sql` reads the workspace that is used without it
        if uri.startswith(SQLITE) and "?" not in uri:
            return sqlite_tables(uri)
        if scheme in DATABASES:
            return database_tables(uri)
    raise NeedsMLflow
