"""How the service opens an SQLite file: the store's, and the spool's."""

import sqlite3
import time
from pathlib import Path

from bentos.store import StoreError

LOCK_TIMEOUT = 5.0  # seconds to wait for another process's transaction
RETRY = 0.01  # seconds, where SQLite does not wait itself


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, for one thread at a time.

    `synchronous=FULL` has every commit wait for the disk, so that an answered call outlives a power cut. NORMAL would
    spare that wait, and keep the call only when the process dies. Group commit makes the wait cheap.
    """
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, unless it has it. Raises sqlite3.Error.

    SQLite waits for no lock while it switches, so of processes that open a new file at once all but one would fail.
    """
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > deadline:
                raise
        time.sleep(RETRY)


def check_write(connection: sqlite3.Connection) -> None:
    """Begin a write and take it back. Raises sqlite3.Error for a file that can only be read."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def failure(verb: str, path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot {verb} the SQLite file {path}: {error}")
