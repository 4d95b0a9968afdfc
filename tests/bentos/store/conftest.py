"""Real databases for tests of the store."""

import pytest

from bentos.store.cassandra.schema import migrate
from bentos.store.sqlite.store import SQLiteStore
from tests.cassandra.client import PATIENT, opened, settings_for


@pytest.fixture
def settings(cassandra_node, keyspace, tmp_path):
    """Of a Cassandra node with the tables."""
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)
    migrate(settings)
    return settings


@pytest.fixture(params=["sqlite", "cassandra"])
async def each_store(request, tmp_path, anyio_backend):
    """A store of each backend, one after the other: for what every backend has to pass."""
    if request.param == "sqlite":
        store = await SQLiteStore.open(tmp_path / "spam.db")
        yield store
        await store.close()
    else:
        async with opened(request.getfixturevalue("settings")) as store:
            yield store
