"""MLflow's tables, read as MLflow reads them: SQLite by Python's own module, other databases by SQLAlchemy.

The tables are MLflow's own business, so a schema that is not as expected is left to MLflow. The statements name no
column that they select: databases reserve the names of some, and each quotes names in its own way.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from registry.errors import registry_error
from registry.reading import NeedsMLflow
from registry.versions import RegisteredModel, newest_first

if TYPE_CHECKING:
    from sqlalchemy import Engine

SQLITE = "sqlite:///"
FIRST_TABLE = "registered_models"  # where there is none, MLflow has not made its tables yet

OF_MODEL = "WHERE workspace = 'default' AND name = :name"
MODEL = f"SELECT * FROM {FIRST_TABLE} {OF_MODEL}"
ALIASES = f"SELECT * FROM registered_model_aliases {OF_MODEL}"
VERSIONS = f"SELECT * FROM model_versions {OF_MODEL} AND current_stage != 'Deleted_Internal'"
VERSION_TAGS = f"SELECT * FROM model_version_tags {OF_MODEL}"
MODEL_TAGS = f"SELECT * FROM registered_model_tags {OF_MODEL}"

Row = Mapping[str, Any]
Select = Callable[[str, dict[str, Any]], Iterable[Row]]  # the rows that a statement with these parameters finds


class Tables:
    """A registry's tables. `opened` gives a function to read them with; None where MLflow has not made them yet."""

    def __init__(self, uri: str, opened: Callable[[str], AbstractContextManager[Select | None]]) -> None:
        self.uri = uri
        self._opened = opened

    def model(self, name: str) -> RegisteredModel | None:
        """The aliases are read first: whoever moves one has written before what the new version is."""
        with self._opened(self.uri) as select:
            if select is None or not list(select(MODEL, {"name": name})):
                return None
            aliases = {row["alias"]: row["version"] for row in select(ALIASES, {"name": name})}
            versions = {row["version"]: _version(row) for row in select(VERSIONS, {"name": name})}
            for row in select(VERSION_TAGS, {"name": name}):
                if row["version"] in versions:
                    versions[row["version"]].tags[row["key"]] = row["value"]
            return RegisteredModel(newest_first(versions.values(), aliases), _tags(select, name))

    def tags(self, name: str) -> dict[str, str] | None:
        with self._opened(self.uri) as select:
            return _tags(select, name) if select and list(select(MODEL, {"name": name})) else None

    def location(self, name: str, number: str) -> str:
        with self._opened(self.uri) as select:
            for row in select(VERSIONS, {"name": name}) if select else ():
                if str(row["version"]) == number:
                    return row["storage_location"] or row["source"]
        raise registry_error(self.uri, f"it has no version {number} of {name} any more")


def sqlite_tables(uri: str) -> Tables:
    return Tables(uri, _sqlite)


def database_tables(uri: str) -> Tables:
    return Tables(uri, _database)


def _version(row: Row) -> SimpleNamespace:
    """With the fields that MLflow's own versions have."""
    return SimpleNamespace(
        version=row["version"],
        creation_timestamp=row["creation_time"],
        run_id=row["run_id"],
        status=row["status"],
        tags={},
    )


def _tags(select: Select, name: str) -> dict[str, str]:
    return {row["key"]: row["value"] for row in select(MODEL_TAGS, {"name": name})}


@contextmanager
def _sqlite(uri: str) -> Iterator[Select | None]:
    """All statements see one state of the file. It is not made where it is missing."""
    path = Path(uri.removeprefix(SQLITE))
    if not path.exists():
        yield None
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            db.execute("BEGIN")
            made = db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [FIRST_TABLE]).fetchone()
            yield db.execute if made else None
    except sqlite3.Error as error:
        if error.sqlite_errorname == "SQLITE_ERROR":  # the statement does not fit the tables
            raise NeedsMLflow from error
        raise registry_error(uri, error) from error
    except (KeyError, IndexError) as error:  # a column is missing
        raise NeedsMLflow from error


@contextmanager
def _database(uri: str) -> Iterator[Select | None]:
    try:
        from sqlalchemy import inspect, text
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    except ImportError as error:
        raise registry_error(uri, error) from error
    try:
        with _engine(uri).connect() as db:
            try:
                made = inspect(db).has_table(FIRST_TABLE)
                yield (lambda statement, values: db.execute(text(statement), values).mappings()) if made else None
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise
                raise NeedsMLflow from error  # the statement does not fit the tables
            except KeyError as error:
                raise NeedsMLflow from error
    except (SQLAlchemyError, ImportError) as error:  # the last: no driver for the URI
        raise registry_error(uri, error) from error


@cache
def _engine(uri: str) -> "Engine":
    """One connection, which is kept open, and opened anew where the database has closed it."""
    from sqlalchemy import create_engine

    return create_engine(uri, pool_size=1, pool_pre_ping=True)
