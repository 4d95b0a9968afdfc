"""Reads MLflow's SQLite file without MLflow, whose import takes two seconds: `list` then answers in a fraction of one.

The tables are MLflow's own business, so whatever is not as expected (another kind of store, another schema, no file) is
read by MLflow itself, which also has the right words for it. A test holds what both read against each other.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

from registry.versions import Registry, Version, newest_first

SQLITE = "sqlite:///"
WORKSPACE = "MLFLOW_WORKSPACE"  # MLflow's variable; the statements below read the workspace that is used without it

OF_MODEL = "WHERE workspace = 'default' AND name = ?"
MODEL = f"SELECT name FROM registered_models {OF_MODEL}"
VERSIONS = (
    "SELECT version, creation_time AS creation_timestamp, run_id, status FROM model_versions"
    f" {OF_MODEL} AND current_stage != 'Deleted_Internal'"
)
VERSION_TAGS = f"SELECT version, key, value FROM model_version_tags {OF_MODEL}"
ALIASES = f"SELECT alias, version FROM registered_model_aliases {OF_MODEL}"
MODEL_TAGS = f"SELECT key, value FROM registered_model_tags {OF_MODEL}"

T = TypeVar("T")


class QuickRegistry(Registry):
    """A Registry that reads the versions and the model's tags from the file where it can; MLflow does all the rest."""

    def everything(self) -> list[Version]:
        rows = self._read(_rows_and_aliases)
        return newest_first(*rows) if rows else super().everything()

    def model_tags(self) -> dict[str, str]:
        tags = self._read(_model_tags)
        return super().model_tags() if tags is None else tags

    def _read(self, read: Callable[[sqlite3.Connection, str], T]) -> T | None:
        """What `read` finds of the model in one transaction; None where it is not to be read like this."""
        path = Path(self.tracking_uri.removeprefix(SQLITE))
        if not self.tracking_uri.startswith(SQLITE) or WORKSPACE in os.environ or not path.is_file():
            return None
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                db.execute("BEGIN")
                return read(db, self.model_name)
        except sqlite3.Error:
            return None


def _model_tags(db: sqlite3.Connection, name: str) -> dict[str, str] | None:
    """None where there is no such model: MLflow has an error for it."""
    known = db.execute(MODEL, (name,)).fetchone()
    return dict(db.execute(MODEL_TAGS, (name,)).fetchall()) if known else None


def _rows_and_aliases(db: sqlite3.Connection, name: str) -> tuple[list[SimpleNamespace], dict[str, int]]:
    """The versions with the fields that MLflow's own have, and {alias: number}."""
    cursor = db.execute(VERSIONS, (name,))
    fields = [column[0] for column in cursor.description]
    rows = [SimpleNamespace(**dict(zip(fields, row, strict=True)), tags={}) for row in cursor]
    by_number = {row.version: row for row in rows}
    for number, key, value in db.execute(VERSION_TAGS, (name,)):
        if number in by_number:
            by_number[number].tags[key] = value
    return rows, dict(db.execute(ALIASES, (name,)).fetchall())
