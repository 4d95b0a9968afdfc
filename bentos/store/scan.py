"""The log of all callers, read once through by a command, without the service's event loop and a row at a time."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime

from bentos.settings import Settings
from bentos.store import StoreError, timeuuid
from bentos.store.backends import store_name
from bentos.store.sqlite.file import failure

Row = tuple[str, str, int]  # a call's version key, its label, and the characters of its text

PAGE = 1_000  # rows in memory at once
PATIENCE = 30.0  # seconds that a page of them may take


def scan(settings: Settings, since: datetime) -> Iterator[Row]:
    """The calls since then, in no order. Raises StoreError."""
    return _sqlite(settings, since) if store_name(settings) == "sqlite" else _cassandra(settings, since)


def _sqlite(settings: Settings, since: datetime) -> Iterator[Row]:
    path, first = settings.sqlite_path, timeuuid.first(since)
    if not path.exists():
        raise StoreError(f"there is no call log at {path}: SQLITE_PATH names it")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute(
                "SELECT model_version, result, input FROM spam_calls_per_caller"
                " WHERE called_hour >= ? AND called_time >= ?",
                (int(timeuuid.hour(first).timestamp()), first.time),
            )
            for version, label, text in rows:
                yield version, label, len(text)
    except sqlite3.Error as error:
        raise failure("read", path, error) from error


def _cassandra(settings: Settings, since: datetime) -> Iterator[Row]:
    """Through the keys of all partitions, which are a caller's hours, and the rows of those that are recent."""
    from bentos.store.cassandra.cluster import explain, keyspace_of, new_cluster
    from bentos.store.cassandra.schema import LOG, check, full_name

    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # what matters is raised
    cluster = None
    try:
        cluster = new_cluster(settings)
        session = cluster.connect()
        check(session, keyspace_of(settings))
        session.default_fetch_size = PAGE
        log, first = full_name(keyspace_of(settings), LOG), timeuuid.first(since)
        rows_of = session.prepare(
            f"SELECT model_version, result, input FROM {log} WHERE caller_id = ? AND called_hour = ? AND called_at >= ?"
        )
        earliest = timeuuid.hour(first).replace(tzinfo=None)  # as the driver gives times
        for caller, hour in session.execute(f"SELECT DISTINCT caller_id, called_hour FROM {log}", timeout=PATIENCE):
            if hour >= earliest:
                for version, label, text in session.execute(rows_of, (caller, hour, first), timeout=PATIENCE):
                    yield version or "", label or "", len(text or "")
    except Exception as error:
        raise explain(error, settings) from error
    finally:
        if cluster is not None:
            cluster.shutdown()
