"""A session with the database for a chore: a migration, a scan, an erasure."""

from collections.abc import Iterator
from contextlib import contextmanager

from cassandra.cluster import Session

from bentos.settings import Settings
from bentos.store.cassandra.cluster import new_cluster
from bentos.store.cassandra.errors import explain


@contextmanager
def connected(settings: Settings) -> Iterator[Session]:
    """A session until the end of the block. Blocks. Raises StoreError, also for what the driver raises in the block."""
    cluster = None
    try:
        cluster = new_cluster(settings)
        yield cluster.connect()
    except Exception as error:
        raise explain(error, settings) from error
    finally:
        if cluster is not None:
            cluster.shutdown()
