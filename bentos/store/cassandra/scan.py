"""The call log of all callers in Cassandra or Astra DB, read once through."""

import logging
from collections.abc import Iterator
from datetime import datetime

from bentos.settings import Settings
from bentos.store import ScannedCall, timeuuid
from bentos.store.cassandra.cluster import keyspace_of, new_cluster
from bentos.store.cassandra.errors import explain
from bentos.store.cassandra.schema import LOG, full_name

PAGE = 1_000  # rows in memory at once
PAGE_TIMEOUT = 30.0  # seconds that a page of them may take


def scan_calls(settings: Settings, since: datetime) -> Iterator[ScannedCall]:
    """The calls since then, in no order, read a page at a time. Raises StoreError.

    It goes through the keys of all partitions, which are a caller's hours, and reads the rows of the recent ones.
    """
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # a failure is raised
    cluster = None
    try:
        cluster = new_cluster(settings)
        session = cluster.connect()
        session.default_fetch_size = PAGE
        log, first = full_name(keyspace_of(settings), LOG), timeuuid.first(since)
        rows_of = session.prepare(
            f"SELECT called_at, model_version, result, input FROM {log}"
            " WHERE caller_id = ? AND called_hour = ? AND called_at >= ?"
        )
        earliest = timeuuid.hour(first).replace(tzinfo=None)  # as the driver gives times
        partitions = session.execute(f"SELECT DISTINCT caller_id, called_hour FROM {log}", timeout=PAGE_TIMEOUT)
        for caller, hour in partitions:
            if hour >= earliest:
                for called_at, version, label, text in session.execute(
                    rows_of, (caller, hour, first), timeout=PAGE_TIMEOUT
                ):
                    yield ScannedCall(called_at, version or "", label or "", text or "")
    except Exception as error:
        raise explain(error, settings) from error
    finally:
        if cluster is not None:
            cluster.shutdown()
