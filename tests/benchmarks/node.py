"""A Cassandra node of one's own as the store of a service."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bentos.settings import Settings
from bentos.store.cassandra.schema import migrate
from tests.cassandra.config import Options
from tests.cassandra.jars import jars
from tests.cassandra.ring import Ring
from tests.system.tools import processor_seconds

COMPILER = "CompilerThre"  # in the names of the JVM's compiler threads, of which Linux keeps 15 characters


class Node(NamedTuple):
    """A running node: the settings of a service whose store it is, and its process."""

    settings: dict[str, str]
    pid: int

    def compiling(self) -> float:
        """The seconds of a core that the JVM's compilers have taken so far."""
        threads = (stat.read_text() for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"))
        return sum(processor_seconds(stat) for stat in threads if COMPILER in stat)


@contextmanager
def node(options: Options = Options()) -> Iterator[Node]:  # noqa: B008 (frozen)
    """A node that runs meanwhile. Raises MissingToolError where none can.

    It acknowledges a write when it is on disk.
    """
    with tempfile.TemporaryDirectory() as scratch, Ring(Path(scratch), jars(), options) as ring:
        migrate(Settings(_env_file=None, cassandra_contact_points=ring.hosts[0], cassandra_port=ring.port))
        yield Node({"CASSANDRA_CONTACT_POINTS": ring.hosts[0], "CASSANDRA_PORT": str(ring.port)}, ring.pid(1))
