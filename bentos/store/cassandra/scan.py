"""The call log of all callers in Cassandra or Astra DB, read once through."""

import logging
from collections.abc import Iterator
from datetime import datetime

from bentos.settings import Settings
from bentos.store import Call, timeuuid
from bentos.store.cassandra.cluster import keyspace_of
from bentos.store.cassandra.schema import LOG, full_name
from bentos.store.cassandra.session import connected
from bentos.store.cassandra.statements import ANSWER, call_of

PAGE = 1_000  # rows in memory at once
PAGE_TIMEOUT = 30.0  # seconds that a page of them may take


def scan_calls(settings: Settings, since: datetime) -> Iterator[Call]:
    """The calls since then, in no order, read a page at a time. Raises StoreError.

    It goes through the keys of all partitions, which are a caller's hours, and reads the rows of the recent ones.
    """
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # a failure is raised
    with connected(settings) as session:
        session.default_fetch_size = PAGE
        log, first = full_name(keyspace_of(settings), LOG), timeuuid.first(since)
        rows_of = session.prepare(
            f"SELECT called_at, {ANSWER} FROM {log} WHERE caller_id = ? AND called_hour = ? AND called_at >= ?"
        )
        earliest = timeuuid.hour(first).replace(tzinfo=None)  # as the driver gives times
        partitions = session.execute(f"SELECT DISTINCT caller_id, called_hour FROM {log}", timeout=PAGE_TIMEOUT)
        for caller, hour in partitions:
            if hour >= earliest:
                for row in session.execute(rows_of, (caller, hour, first), timeout=PAGE_TIMEOUT):
                    yield call_of(caller, *row)
