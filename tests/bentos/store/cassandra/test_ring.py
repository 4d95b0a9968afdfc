"""No answered call is lost when nodes of a ring are killed under load; and the same check does find losses where they
must occur: on a node that acknowledges before its commit log is on disk. The figures are printed (`pytest -s`).
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from bentos.settings import Settings
from bentos.store import Call, StoreError
from bentos.store.cassandra.schema import migrate
from bentos.store.cassandra.store import open_store
from bentos.store.resilient import ResilientStore
from tests.cassandra.client import a_call, logged, settings_for, until
from tests.cassandra.config import Options
from tests.cassandra.ring import Ring

pytestmark = pytest.mark.anyio

WRITERS, CALLERS = 64, 4


class Load:
    """Writers that log calls one after the other, and remember those that were answered."""

    def __init__(self, store: ResilientStore) -> None:
        self.store = store
        self.callers = [f"{uuid4()} {n}" for n in range(CALLERS)]
        self.answered: list[Call] = []
        self._stopping = False

    async def _write(self, caller: str) -> None:
        while not self._stopping:
            call = a_call(f"text {len(self.answered)}", caller)
            await self.store.log([call])
            self.answered.append(call)

    @asynccontextmanager
    async def running(self):
        """The writers, for as long as the block lasts; an error in any of them is raised at its end."""
        self._stopping = False
        writers = [asyncio.create_task(self._write(self.callers[n % CALLERS])) for n in range(WRITERS)]
        try:
            yield
        finally:
            self._stopping = True
            await asyncio.gather(*writers)

    async def more(self, count: int) -> None:
        target = len(self.answered) + count
        await until(lambda: len(self.answered) >= target, 120)

    async def missing(self) -> int:
        """How many answered calls are not in the tables after everything that waits has been replayed."""
        took = await until(lambda: self.store.state()["up"] and not self.store.state()["spooled"], 60)
        found = {call.called_at for call in await self._logged()}
        missing = sum(call.called_at not in found for call in self.answered)
        print(f"\n{len(self.answered)} answered, replayed after {took:.1f} s, {missing} missing", end="")
        return missing

    async def _logged(self) -> list[Call]:
        """What the tables hold. While nodes come back, the driver may have no connection for a moment."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return await logged(self.store, self.answered)
                except StoreError:
                    await asyncio.sleep(0.1)


@asynccontextmanager
async def load_on(settings: Settings):
    store = await open_store(settings)
    try:
        yield Load(store)
    finally:
        await store.close()


@pytest.fixture(scope="module")
def settings(cassandra_ring, tmp_path_factory) -> Settings:
    """One keyspace for all tests: to make its tables, three nodes have to agree on each, which takes 8 s."""
    settings = settings_for(cassandra_ring, "under_load", tmp_path_factory.mktemp("ring"), cache_timeout=0.5)
    migrate(settings)
    return settings


async def test_a_node_killed_under_load_loses_no_answered_call(settings, cassandra_ring):
    async with load_on(settings) as load:
        started = time.monotonic()
        async with load.running():
            await load.more(5_000)
            cassandra_ring.kill(2)
            await load.more(20_000)
            spooled = load.store.state()["spooled"]
            cassandra_ring.launch(2)
            await load.more(5_000)
        print(f"\none of three killed: {len(load.answered) / (time.monotonic() - started):.0f} calls/s,", end="")
        print(f" {spooled} in the spool while it was down", end="")
        cassandra_ring.wait(2)
        assert await load.missing() == 0


async def test_a_node_that_hangs_under_load_loses_no_answered_call(settings, cassandra_ring):
    async with load_on(settings) as load:
        async with load.running():
            await load.more(1_000)
            cassandra_ring.pause(2)
            try:
                await load.more(5_000)
                print(f"\none of three hangs: {load.store.state()}", end="")
            finally:
                cassandra_ring.resume(2)
        assert await load.missing() == 0


async def test_a_whole_ring_killed_under_load_loses_no_answered_call(settings, cassandra_ring):
    async with load_on(settings) as load:
        async with load.running():
            await load.more(3_000)
            cassandra_ring.kill()
            await load.more(3_000)
        cassandra_ring.launch()
        await asyncio.to_thread(cassandra_ring.wait)
        async with load.running():
            await load.more(3_000)
        assert await load.missing() == 0


@pytest.fixture
def careless_node(cassandra_jars, tmp_path) -> Iterator[Ring]:
    with Ring(tmp_path, cassandra_jars, Options(commitlog_sync="periodic")) as ring:
        yield ring


async def test_a_node_that_acknowledges_too_early_is_found_out(careless_node, keyspace, tmp_path):
    settings = settings_for(careless_node, keyspace, tmp_path, cache_timeout=0.5)
    migrate(settings)
    async with load_on(settings) as load:
        async with load.running():
            await load.more(5_000)
            careless_node.kill()
        careless_node.launch()
        await asyncio.to_thread(careless_node.wait)
        assert await load.missing() > 0
