"""Helpers for tests of the store: settings for a node, sessions, calls, and waiting until something is true."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from cassandra.cluster import Session

from bentos.settings import Settings
from bentos.store import Call, Store, timeuuid
from bentos.store.cassandra.cluster import new_cluster
from bentos.store.cassandra.store import CassandraStore
from tests.cassandra.ring import Ring

PATIENT = 10.0  # seconds: a store that waits this long tells what a database says, however busy the machine


def settings_for(ring: Ring, keyspace: str, folder: Path, **others: Any) -> Settings:
    """Settings that name the ring's nodes; the spool lies in `folder`."""
    values = {
        "cassandra_contact_points": ",".join(ring.hosts),
        "cassandra_port": ring.port,
        "cassandra_keyspace": keyspace,
        "cassandra_replication": str(ring.options.nodes),
        "spool_path": folder / "spool.db",
    }
    return Settings(_env_file=None, **(values | others))


@contextmanager
def session_of(settings: Settings) -> Iterator[Session]:
    """A session of the driver's own, in the settings' keyspace where that exists."""
    cluster = new_cluster(settings)
    try:
        session = cluster.connect()
        if settings.cassandra_keyspace in cluster.metadata.keyspaces:
            session.set_keyspace(settings.cassandra_keyspace)
        yield session
    finally:
        cluster.shutdown()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[CassandraStore]:
    """A store without ResilientStore around it: errors of the database are raised."""
    store = await CassandraStore.open(settings)
    try:
        yield store
    finally:
        await store.close()


def a_call(text: str = "hi", caller: str = "1.2.3.4", **others: Any) -> Call:
    return Call(caller, others.pop("at", None) or timeuuid.now(), text, "1-abcdef01", "ham", False)


async def logged(store: Store, calls: list[Call]) -> list[Call]:
    """What the store holds of the partitions that the calls are in."""
    partitions = dict.fromkeys((call.caller_id, timeuuid.hour(call.called_at)) for call in calls)
    return [call for caller, hour in partitions async for call in store.calls(caller, hour)]


async def until(true: Callable[[], bool], seconds: float = 30) -> float:
    """Wait until something is true; how long that took, in seconds. AssertionError after the time given."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, f"still not true after {seconds} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - started
