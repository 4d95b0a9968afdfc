"""`python -m tests.benchmarks.cassandra`: the service's benchmark with a Cassandra node of its own as the store.

Node, service and load generator share the machine. The node acknowledges a write when it is on disk.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bentos.settings import Settings
from bentos.store.cassandra.schema import migrate
from tests.benchmarks import service
from tests.benchmarks.load import Measured
from tests.cassandra.jars import jars
from tests.cassandra.ring import Ring, resident_mb


@contextmanager
def node() -> Iterator[dict[str, str]]:
    """The settings of a service whose store is a node that runs meanwhile. Raises MissingToolError where none can."""
    with tempfile.TemporaryDirectory() as scratch, Ring(Path(scratch), jars()) as ring:
        migrate(Settings(_env_file=None, cassandra_contact_points=ring.hosts[0], cassandra_port=ring.port))
        yield {"CASSANDRA_CONTACT_POINTS": ring.hosts[0], "CASSANDRA_PORT": str(ring.port)}
        print(f"resident memory of the node: {resident_mb(ring.pid(1))} MB")


def run(seconds: float) -> list[tuple[str, int, Measured]]:
    """The rows of `service.run`."""
    with node() as settings:
        rows = service.run(seconds, **settings)
    return [(f"{name} (Cassandra)", clients, measured) for name, clients, measured in rows]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cassandra", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure each row for")
    run(parser.parse_args().seconds)
