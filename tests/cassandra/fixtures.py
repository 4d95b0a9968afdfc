"""Fixtures of real Cassandra nodes; tests/conftest.py names this module as a plugin.

Nodes start when the first test asks for them and end with the run. Where Java 17 or Maven is missing such tests are
skipped, and the summary says so; with CI=true that is a failure.
"""

import os
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable

from tests.cassandra.certificates import Authority
from tests.cassandra.config import Options
from tests.cassandra.jars import MissingToolError, jars
from tests.cassandra.ring import Ring

SUPERUSER = "cassandra"  # Cassandra's own first user, and its password


@dataclass(frozen=True)
class SecureNode:
    """A node that asks for a password and speaks TLS only; `ca` is the file to trust."""

    ring: Ring
    authority: Authority

    @property
    def ca(self) -> Path:
        return self.authority.certificate


@pytest.fixture(scope="session")
def cassandra_jars() -> Path:
    try:
        return jars()
    except MissingToolError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must run the Cassandra tests: {error}")
        pytest.skip(f"NO CASSANDRA TESTS: {error}")


@pytest.fixture(scope="session")
def cassandra_node(cassandra_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """One node that every test leaves running and answering."""
    with Ring(tmp_path_factory.mktemp("cassandra"), cassandra_jars) as ring:
        yield ring


@pytest.fixture(scope="session")
def cassandra_ring(cassandra_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Three nodes that every test leaves running and answering."""
    with Ring(tmp_path_factory.mktemp("ring"), cassandra_jars, Options(nodes=3)) as ring:
        yield ring


@pytest.fixture(scope="session")
def secure_node(cassandra_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureNode]:
    """One node with passwords and TLS."""
    folder = tmp_path_factory.mktemp("secure")
    authority = Authority(folder / "tls")
    options = Options(auth=True, tls=authority.issue("node", hosts=("localhost",)).both)
    with Ring(folder, cassandra_jars, options) as ring:
        node = SecureNode(ring, authority)
        _wait_for_superuser(node)
        yield node


def _wait_for_superuser(node: SecureNode, seconds: float = 60) -> None:
    """A new node answers before it has made its first user."""
    deadline = time.monotonic() + seconds
    trusted = ssl.create_default_context(cafile=node.ca)
    while True:
        login = PlainTextAuthProvider(SUPERUSER, SUPERUSER)
        with Cluster(node.ring.hosts, port=node.ring.port, ssl_context=trusted, auth_provider=login) as cluster:
            try:
                cluster.connect()
                return
            except NoHostAvailable:
                if time.monotonic() > deadline:
                    raise
        time.sleep(0.2)


@pytest.fixture
def keyspace() -> str:
    """A keyspace name of this test's own."""
    return f"t_{uuid4().hex[:16]}"
