"""The store while its real database goes away and comes back. Figures of every fault are printed (`pytest -s`)."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager, suppress

import pytest

from bentos.store import Call, StoreError
from bentos.store.cassandra.schema import migrate
from bentos.store.cassandra.store import open_store
from tests.cassandra.client import a_call, logged, settings_for, until
from tests.cassandra.ring import free_port

pytestmark = pytest.mark.anyio

SPAM = {"ham": 0.25, "spam": 0.75}
VERSION = "1-abcdef01"
TIMEOUT = 0.2  # the cache timeout, in seconds
FAR_MORE = 10 * TIMEOUT  # than any request may be held, on however busy a machine


@pytest.fixture
def settings(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=TIMEOUT)
    migrate(settings)
    return settings


@asynccontextmanager
async def connected(settings):
    store = await open_store(settings)
    try:
        yield store
    finally:
        await store.close()


class Requests:
    """Does with a store what the service does for each text, and remembers the calls that it could answer."""

    def __init__(self, store) -> None:
        self.store = store
        self.answered: list[Call] = []
        self.seconds: list[float] = []

    async def one(self) -> None:
        started = time.perf_counter()
        text = f"text {len(self.answered)}"
        with suppress(StoreError):
            await self.store.get(VERSION, [text])
        call = a_call(text)
        await asyncio.gather(self._put(text), self.store.log([call]))
        self.answered.append(call)
        self.seconds.append(time.perf_counter() - started)

    async def _put(self, text: str) -> None:
        with suppress(StoreError):
            await self.store.put(VERSION, {text: SPAM})

    async def some(self, count: int, what: str) -> None:
        """Make requests one after the other, and print how long the first ones and the others took."""
        self.seconds.clear()
        for _ in range(count):
            await self.one()
        first, rest = self.seconds[:3], sorted(self.seconds[3:])
        told = " ".join(f"{s * 1e3:.0f}" for s in first)
        print(f"\n{what}: the first three {told} ms, then {rest[len(rest) // 2] * 1e3:.1f} ms (median)", end="")
        assert max(self.seconds) < FAR_MORE

    async def all_are_logged(self) -> None:
        """Every answered call is in the table once, oldest first."""
        took = await until(lambda: self.store.state()["up"] and not self.store.state()["spooled"])
        print(f"\nup again and replayed after {took:.2f} s", end="")
        assert await logged(self.store, self.answered) == self.answered


async def test_a_database_that_answers_is_used_and_nothing_is_spooled(settings):
    async with connected(settings) as store:
        assert store.state() == {"up": True, "spooled": 0, "error": None}
        requests = Requests(store)
        await requests.some(20, "a database that answers")
        assert await store.get(VERSION, ["text 3"]) == {"text 3": SPAM}
        await requests.all_are_logged()


async def test_a_closed_port_holds_nobody_up(settings):
    closed = settings.model_copy(update={"cassandra_port": free_port(["127.0.0.1"])})
    async with connected(closed) as store:
        requests = Requests(store)
        await requests.some(20, "a closed port")
        assert not store.state()["up"]
        assert store.state()["spooled"] == 20
        assert "refuses connections" in store.state()["error"]
        with pytest.raises(StoreError, match="refuses connections"):
            await logged(store, requests.answered)
    async with connected(settings) as store:  # the database is back, and another process finds the rows
        requests.store = store
        await requests.all_are_logged()


async def test_a_mute_port_holds_nobody_up(settings):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = settings.model_copy(update={"cassandra_port": mute.getsockname()[1]})
        async with connected(silent) as store:
            await Requests(store).some(20, "a port that accepts and says nothing")
            await until(lambda: "Timed out" in (store.state()["error"] or ""))
            assert not store.state()["up"]


async def test_without_tables_the_store_says_what_to_do_and_catches_up_once_it_is_done(
    cassandra_node, keyspace, tmp_path
):
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=TIMEOUT)
    async with connected(settings) as store:
        assert "run `python -m bentos migrate`" in store.state()["error"]
        requests = Requests(store)
        await requests.some(20, "no tables")
        await asyncio.to_thread(migrate, settings)
        await requests.all_are_logged()


async def test_a_hung_database_holds_a_few_requests_for_the_timeout_and_then_none(settings, cassandra_node):
    async with connected(settings) as store:
        requests = Requests(store)
        await requests.some(20, "before")
        cassandra_node.pause()
        try:
            await requests.some(20, "SIGSTOP")
            assert not store.state()["up"]
            assert store.state()["spooled"] >= 20
            assert sorted(requests.seconds)[10] < TIMEOUT / 2
        finally:
            cassandra_node.resume()
        await requests.all_are_logged()
        await requests.some(20, "after")


async def test_a_database_that_hangs_until_its_connections_are_given_up_is_found_again(settings, cassandra_node):
    async with connected(settings) as store:
        requests = Requests(store)
        cassandra_node.pause()
        try:
            await requests.some(20, "SIGSTOP")
            await until(lambda: "no answer" not in store.state()["error"])
            await requests.some(20, "SIGSTOP, connections given up")
            await until(lambda: "Timed out" in store.state()["error"])
            await requests.some(20, "SIGSTOP, connecting anew")
        finally:
            cassandra_node.resume()
        await requests.all_are_logged()


async def test_a_killed_database_is_gone_at_once_and_back_when_it_is_back(settings, cassandra_node):
    async with connected(settings) as store:
        requests = Requests(store)
        await requests.some(20, "before")
        cassandra_node.kill()
        try:
            await requests.some(200, "SIGKILL")
            assert not store.state()["up"]
        finally:
            cassandra_node.launch()
            await asyncio.to_thread(cassandra_node.wait)
        await requests.all_are_logged()
        assert await store.get(VERSION, ["text 3"]) == {"text 3": SPAM}


async def test_calls_are_answered_while_either_the_database_or_the_spool_takes_them(settings, cassandra_node, tmp_path):
    spoilt = settings.model_copy(update={"spool_path": tmp_path / "missing" / "spool.db"})
    async with connected(spoilt) as store:
        assert store.state()["up"]
        assert "missing/spool.db" in store.state()["error"]
        requests = Requests(store)
        await requests.some(20, "no spool")
        cassandra_node.pause()
        try:
            for _ in range(10):  # until the database counts as away, and then too
                with pytest.raises(StoreError):
                    await store.log([a_call("refused")])
            (tmp_path / "missing").mkdir()
            await requests.some(20, "a spool again, SIGSTOP")
        finally:
            cassandra_node.resume()
        await until(lambda: store.state() == {"up": True, "spooled": 0, "error": None})
        found = [call for call in await logged(store, requests.answered) if call.input != "refused"]
        assert found == requests.answered


async def test_a_row_that_no_database_takes_is_refused_and_keeps_no_other_waiting(settings):
    closed = settings.model_copy(update={"cassandra_port": free_port(["127.0.0.1"])})
    async with connected(closed) as store:
        for refused in (a_call("\ud800"), a_call("x" * 3_000_000), a_call("x", caller="y" * 70_000)):
            with pytest.raises(StoreError, match="cannot be logged"):
                await store.log([refused])
        assert store.state()["spooled"] == 0


async def test_processes_that_share_a_spool_replay_every_row_once(settings):
    calls = [a_call(f"text {i}", "shared") for i in range(2_000)]
    closed = settings.model_copy(update={"cassandra_port": free_port(["127.0.0.1"])})
    async with connected(closed) as one, connected(closed) as other:
        for i in range(0, len(calls), 20):
            await (one if i % 40 else other).log(calls[i : i + 20])
    async with connected(settings) as one, connected(settings) as other:
        await until(lambda: all(store.state()["up"] and not store.state()["spooled"] for store in (one, other)))
        assert await logged(one, calls) == calls


async def test_what_is_under_way_at_the_end_is_in_the_table_or_in_the_spool(settings, cassandra_node):
    calls = [a_call(f"text {i}", "ending") for i in range(20)]
    store = await open_store(settings)
    cassandra_node.pause()
    try:
        logging = [asyncio.create_task(store.log([call])) for call in calls]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*logging)
    finally:
        cassandra_node.resume()
    async with connected(settings) as store:
        await until(lambda: store.state()["up"] and not store.state()["spooled"])
        assert await logged(store, calls) == calls
