"""The call log of all callers in Cassandra or Astra DB, read once through."""

import logging
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from bentos.settings import Settings
from bentos.store import MODEL, ScannedCall, timeuuid
from bentos.store.cassandra.cluster import keyspace_of, new_cluster
from bentos.store.cassandra.errors import explain
from bentos.store.cassandra.schema import LOG, full_name
from registry.model.artifact import DECIMALS

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
            f"SELECT called_at, model_version, result, input, from_cache, probability, alias, source FROM {log}"
            " WHERE caller_id = ? AND called_hour = ? AND called_at >= ?"
        )
        earliest = timeuuid.hour(first).replace(tzinfo=None)  # as the driver gives times
        partitions = session.execute(f"SELECT DISTINCT caller_id, called_hour FROM {log}", timeout=PAGE_TIMEOUT)
        for caller, hour in partitions:
            if hour >= earliest:
                for row in session.execute(rows_of, (caller, hour, first), timeout=PAGE_TIMEOUT):
                    yield _scanned(*row)
    except Exception as error:
        raise explain(error, settings) from error
    finally:
        if cluster is not None:
            cluster.shutdown()


def _scanned(
    called_at: UUID,
    version: str | None,
    label: str | None,
    text: str | None,
    from_cache: bool | None,
    probability: float | None,
    alias: str | None,
    source: str | None,
) -> ScannedCall:
    """The call of a row, whose columns are null where nobody has written them."""
    rounded = None if probability is None else round(probability, DECIMALS)
    answer = (version or "", label or "", text or "", bool(from_cache))
    return ScannedCall(called_at, *answer, rounded, alias or "", source or MODEL)
