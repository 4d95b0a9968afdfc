"""A Cassandra node of one's own as the store of a service."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bentos.settings import Settings
from bentos.store.cassandra.schema import migrate
from tests.cassandra.jars import jars
from tests.cassandra.ring import Ring


@contextmanager
def node() -> Iterator[dict[str, str]]:
    """The settings of a service whose store is a node that runs meanwhile. Raises MissingToolError where none can.

    The node acknowledges a write when it is on disk.
    """
    with tempfile.TemporaryDirectory() as scratch, Ring(Path(scratch), jars()) as ring:
        migrate(Settings(_env_file=None, cassandra_contact_points=ring.hosts[0], cassandra_port=ring.port))
        yield {"CASSANDRA_CONTACT_POINTS": ring.hosts[0], "CASSANDRA_PORT": str(ring.port)}
