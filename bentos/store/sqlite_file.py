"""The store's SQLite file: how it is opened, its tables, and what is read from them."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from bentos.store import Call, Probabilities, StoreError

APPLICATION_ID = 0x5350414D  # "SPAM", in the file's header: says whose file it is
SCHEMA = 1  # user_version in the header
LOCK_WAIT = 5.0  # seconds to wait for another process's transaction
PAGE = 200  # log rows in memory at once
LOOKUP = 500  # inputs a query

# Both tables are their primary key's tree (WITHOUT ROWID): a text is stored once, a caller's hour lies together, and
# old hours, which lead the key, are dropped without an index of their own.
_TABLES = """
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
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time.

    `synchronous=FULL` has every commit wait for the disk, so that an answered call outlives a power cut. NORMAL would
    spare that wait and keep it only through the death of the process. Group commit makes the wait cheap.
    """
    connection = sqlite3.connect(path, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def prepare(path: Path) -> None:
    """Create the file and its tables where they are missing.

    Raises StoreError for a file that cannot be used, or that another program or another version of this one wrote.
    """
    try:
        with closing(connect(path)) as connection:
            if _header(connection) == (APPLICATION_ID, SCHEMA):
                return
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            if _header(connection) != (APPLICATION_ID, SCHEMA):  # another process may have been faster
                _create(connection, path)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise failure("open", path, error) from error


def _create(connection: sqlite3.Connection, path: Path) -> None:
    application, schema = _header(connection)
    if application == APPLICATION_ID:
        raise StoreError(
            f"{path} has tables of version {schema}, this program has {SCHEMA}: set SQLITE_PATH to another"
        )
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise StoreError(f"{path} holds another program's tables: set SQLITE_PATH to another file")
    for statement in filter(str.strip, _TABLES.split(";")):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    return application, schema


def failure(verb: str, path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot {verb} the SQLite file {path}: {error}")


def read_predictions(
    connection: sqlite3.Connection, model_version: str, inputs: Sequence[str], newer_than: float
) -> Iterator[tuple[str, Probabilities]]:
    """The predictions stored after `newer_than`, in Unix seconds. One that is damaged comes as an empty one."""
    for start in range(0, len(inputs), LOOKUP):
        chunk = inputs[start : start + LOOKUP]
        rows = connection.execute(
            "SELECT input, prediction_map FROM spam_cache_items WHERE model_version = ? AND stored_at > ?"
            f" AND input IN ({','.join('?' * len(chunk))})",
            (model_version, newer_than, *chunk),
        )
        for text, stored in rows:
            try:
                yield text, orjson.loads(stored)
            except orjson.JSONDecodeError:
                yield text, {}


def read_calls(
    connection: sqlite3.Connection, caller_id: str, hour: datetime, after: tuple[int, bytes]
) -> tuple[list[Call], tuple[int, bytes]]:
    """The page of a caller's calls that follows the key `after`, and the key of its last."""
    rows = connection.execute(
        "SELECT called_time, called_at, input, model_version, result, from_cache FROM spam_calls_per_caller"
        " WHERE called_hour = ? AND caller_id = ? AND (called_time, called_at) > (?, ?)"
        " ORDER BY called_time, called_at LIMIT ?",
        (int(hour.timestamp()), caller_id, *after, PAGE),
    ).fetchall()
    calls = [Call(caller_id, UUID(bytes=at), text, key, result, bool(hit)) for _, at, text, key, result, hit in rows]
    return calls, (rows[-1][0], rows[-1][1]) if rows else after


def prune(connection: sqlite3.Connection, cache_ttl: int, log_ttl: int, limit: int) -> bool:
    """Delete up to `limit` rows of each table that outlived its seconds (0 is for ever); True when more may be left."""
    now, deleted = time.time(), [0]
    if cache_ttl:
        deleted.append(
            connection.execute(
                "DELETE FROM spam_cache_items WHERE (model_version, input) IN"
                " (SELECT model_version, input FROM spam_cache_items WHERE stored_at <= ? LIMIT ?)",
                (now - cache_ttl, limit),
            ).rowcount
        )
    if log_ttl:
        deleted.append(
            connection.execute(
                "DELETE FROM spam_calls_per_caller WHERE (called_hour, caller_id, called_time, called_at) IN"
                " (SELECT called_hour, caller_id, called_time, called_at FROM spam_calls_per_caller"
                "  WHERE called_hour < ? LIMIT ?)",
                (now - log_ttl - 3600, limit),
            ).rowcount
        )
    return max(deleted) == limit
