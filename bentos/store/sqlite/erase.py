"""Erase what the SQLite file has of a caller or of a text."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from bentos.settings import Settings
from bentos.store import StoreError, Subject
from bentos.store.sqlite.file import connect, failure
from bentos.store.sqlite.schema import check_tables

ROWS = 1_000  # deleted in one transaction: requests go in between

Key = tuple[Any, ...]


def erase(settings: Settings, subject: Subject, version_keys: Collection[str]) -> dict[str, int]:
    """How many rows went, by what they were. The predictions of a text are found in every version's cache.

    Deleted rows are overwritten with zeros in the file. Raises StoreError.
    """
    path = settings.sqlite_path
    if not path.exists():
        raise StoreError(f"there is no SQLite file at {path}: SQLITE_PATH names it")
    try:
        with closing(connect(path)) as db:
            check_tables(db, path)
            db.execute("PRAGMA secure_delete = ON")
            counts = _erase_caller(db, subject.caller_id) if subject.caller_id else _erase_text(db, subject.text)
            _empty_journal(db)
            return counts
    except sqlite3.Error as error:
        raise failure("erase in", path, error) from error


def _erase_caller(db: sqlite3.Connection, caller: str) -> dict[str, int]:
    """The caller's calls with their cached predictions, the caller's corrections, and the questions on the caller's
    texts with the labels that reviewers gave them. Of a reviewer, the name goes from the questions decided on.
    """
    counts = {"cache": 0, "log": 0, "feedback": 0, "review": _delete_questions(db, "caller_id", caller)}
    db.execute("UPDATE spam_review SET reviewer = '' WHERE reviewer = ?", (caller,))
    for hour in list(_different(db, "spam_calls", "called_hour")):
        while calls := _calls(db, "called_hour = ? AND caller_id = ?", (hour, caller)):
            with _transaction(db):
                counts["cache"] += _delete_cached(db, {(version, text) for *_, version, text in calls})
                counts["feedback"] += _delete_reviewed(db, {text for *_, text in calls})
                counts["log"] += _delete_calls(db, calls)
    counts["feedback"] += db.execute("DELETE FROM spam_corrections WHERE caller_id = ?", (caller,)).rowcount
    return counts


def _erase_text(db: sqlite3.Connection, text: str) -> dict[str, int]:
    """The text's predictions, all callers' calls and corrections of it; the log is read once through."""
    counts = {"cache": 0, "log": 0, "feedback": 0, "review": _delete_questions(db, "input", text)}
    with _transaction(db):
        counts["cache"] = _delete_cached(db, {(v, text) for v in _different(db, "spam_cache_items", "model_version")})
        counts["feedback"] = db.execute("DELETE FROM spam_corrections WHERE input = ?", (text,)).rowcount
    for hour in list(_different(db, "spam_calls", "called_hour")):
        while calls := _calls(db, "called_hour = ? AND input = ?", (hour, text)):
            with _transaction(db):
                counts["log"] += _delete_calls(db, calls)
    return counts


def _calls(db: sqlite3.Connection, condition: str, values: Key) -> list[Key]:
    """Up to ROWS calls: their key, their version and their text."""
    columns = "called_hour, caller_id, called_time, called_at, model_version, input"
    return db.execute(f"SELECT {columns} FROM spam_calls WHERE {condition} LIMIT {ROWS}", values).fetchall()


def _delete_calls(db: sqlite3.Connection, calls: Sequence[Key]) -> int:
    statement = "DELETE FROM spam_calls WHERE (called_hour, caller_id, called_time, called_at) = (?, ?, ?, ?)"
    return db.executemany(statement, [call[:4] for call in calls]).rowcount


def _delete_cached(db: sqlite3.Connection, keys: Iterable[tuple[str, str]]) -> int:
    statement = "DELETE FROM spam_cache_items WHERE model_version = ? AND input = ?"
    return db.executemany(statement, list(keys)).rowcount


def _delete_reviewed(db: sqlite3.Connection, texts: Iterable[str]) -> int:
    statement = "DELETE FROM spam_corrections WHERE input = ? AND reason != ''"
    return db.executemany(statement, [(text,) for text in texts]).rowcount


def _delete_questions(db: sqlite3.Connection, column: str, value: str) -> int:
    return db.execute(f"DELETE FROM spam_review WHERE {column} = ?", (value,)).rowcount


def _different(db: sqlite3.Connection, table: str, column: str) -> Iterator[Any]:
    """The different values of the first column of the table's key, each found by one look into its tree."""
    row = db.execute(f"SELECT min({column}) FROM {table}").fetchone()
    while row[0] is not None:
        yield row[0]
        row = db.execute(f"SELECT min({column}) FROM {table} WHERE {column} > ?", row).fetchone()


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _empty_journal(db: sqlite3.Connection) -> None:
    """Move the write-ahead log into the file and truncate it: it has old copies of the pages.

    While a service reads, it may have to stay; the service's next checkpoints overwrite it.
    """
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
