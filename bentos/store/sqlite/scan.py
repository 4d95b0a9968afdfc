"""The call log of all callers in the SQLite file, read once through."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from bentos.settings import Settings
from bentos.store import Call, StoreError, timeuuid
from bentos.store.sqlite.file import failure
from bentos.store.sqlite.schema import check_tables
from bentos.store.sqlite.statements import ANSWER, call_of


def scan_calls(settings: Settings, since: datetime) -> Iterator[Call]:
    """The calls since then, in no order, read from the disk one after the other. Raises StoreError."""
    path, first = settings.sqlite_path, timeuuid.first(since)
    if not path.exists():
        raise StoreError(f"there is no call log at {path}: SQLITE_PATH names it")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            check_tables(db, path)
            rows = db.execute(
                f"SELECT caller_id, called_at, {ANSWER} FROM spam_calls WHERE called_hour >= ? AND called_time >= ?",
                (int(timeuuid.hour(first).timestamp()), first.time),
            )
            for row in rows:
                yield call_of(*row)
    except sqlite3.Error as error:
        raise failure("read", path, error) from error
