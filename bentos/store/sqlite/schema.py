"""The tables of the store's SQLite file, and their upgrade from older versions."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bentos.settings import Settings
from bentos.store import StoreError
from bentos.store.sqlite.file import connect, failure

APPLICATION_ID = 0x5350414D  # "SPAM", in the file's header: the file is this program's
SCHEMA = 2  # user_version in the header

# Each table is its primary key's tree (WITHOUT ROWID): a text is stored once, a caller's hour lies together, old hours,
# which lead the key, are dropped without an index of their own, and the corrections of a text are neighbours.
_STEPS = {  # schema version -> the statements that lead to it from the version before
    1: """
CREATE TABLE spam_cache_items (
    model_version TEXT NOT NULL, input TEXT NOT NULL, prediction_map TEXT NOT NULL, stored_at INTEGER NOT NULL,
    PRIMARY KEY (model_version, input)
) WITHOUT ROWID;
CREATE INDEX spam_cache_items_by_age ON spam_cache_items (stored_at);
CREATE TABLE spam_calls_per_caller (
    called_hour INTEGER NOT NULL, caller_id TEXT NOT NULL, called_time INTEGER NOT NULL, called_at BLOB NOT NULL,
    input TEXT NOT NULL, model_version TEXT NOT NULL, result TEXT NOT NULL, from_cache INTEGER NOT NULL,
    PRIMARY KEY (called_hour, caller_id, called_time, called_at)
) WITHOUT ROWID;
""",
    2: """
CREATE TABLE spam_feedback (
    input TEXT NOT NULL, caller_id TEXT NOT NULL, label TEXT NOT NULL, corrected_at BLOB NOT NULL,
    PRIMARY KEY (input, caller_id)
) WITHOUT ROWID;
""",
}


def migrate(settings: Settings) -> list[str]:
    """Create or upgrade the tables, and say so. Raises StoreError."""
    create_tables(settings.sqlite_path)
    return [f"the tables of {settings.sqlite_path} are as they should be"]


def create_tables(path: Path) -> None:
    """Create the file and its tables where they are missing, and upgrade those of an older version in place.

    Raises StoreError for a file that cannot be used, or that another program or a newer version of this one wrote.
    """
    try:
        with closing(connect(path)) as connection:
            if _header(connection) == (APPLICATION_ID, SCHEMA):
                return
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if _header(connection) != (APPLICATION_ID, SCHEMA):  # another process may have been faster
                _upgrade(connection, path)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise failure("open", path, error) from error


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Take each step that the file has not taken yet: all of them for a new one."""
    application, schema = _header(connection)
    if application == APPLICATION_ID and schema not in _STEPS:
        raise StoreError(
            f"{path} has tables of version {schema}, this program has {SCHEMA}: set SQLITE_PATH to another"
        )
    if application != APPLICATION_ID and connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise StoreError(f"{path} holds another program's tables: set SQLITE_PATH to another file")
    steps = [step for version, step in _STEPS.items() if application != APPLICATION_ID or version > schema]
    for statement in filter(str.strip, ";".join(steps).split(";")):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return application, schema
