"""Corrections, and the calls that they speak of, in each of the stores."""

import asyncio
import random

import pytest

from bentos.store import Correction, StoreError, timeuuid
from bentos.store.cassandra.schema import migrate
from bentos.store.cassandra.store import open_store
from bentos.store.spool import Spool
from tests.cassandra.client import a_call, opened, session_of, until
from tests.cassandra.ring import free_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def store(each_store):
    return each_store


def a_correction(text="hi", label="spam", caller="1.2.3.4") -> Correction:
    return Correction(caller, timeuuid.now(), text, label)


async def kept(store) -> list[Correction]:
    return sorted([found async for found in store.corrections()], key=lambda found: found.corrected_at.time)


async def test_corrections_of_all_callers_are_read_back_those_of_a_text_together(store):
    corrections = [a_correction(f"text {i} 🎁", "ham", f"caller {j}") for i in range(150) for j in range(3)]
    corrections += [a_correction("x" * 10_000), a_correction("y" * 70_000)]
    await store.correct(random.Random(1).sample(corrections, len(corrections)))
    assert await kept(store) == corrections
    texts = [found.input async for found in store.corrections()]
    assert len([text for text, before in zip(texts, ["", *texts], strict=False) if text != before]) == 152


async def test_a_later_correction_of_a_text_takes_the_place_of_the_caller_s_own(store):
    first, other, later = a_correction(), a_correction(caller="other"), a_correction(label="ham")
    for correction in (first, other, later, later):
        await store.correct([correction])
    assert await kept(store) == [other, later]


async def test_a_store_without_corrections_has_none(store):
    assert await kept(store) == []


async def test_a_call_is_found_by_its_identity_and_only_for_its_caller(store):
    call, other = a_call("hi 🎁"), a_call("other")
    await store.log([call, other])
    assert await store.call(call.caller_id, call.called_at) == call
    assert await store.call("1.2.3.40", call.called_at) is None
    assert await store.call(call.caller_id, timeuuid.now()) is None


async def test_while_the_database_is_away_corrections_wait_and_are_replayed_once(settings):
    early, waiting, late = a_correction("one"), a_correction("two"), a_correction("two", "ham")
    async with opened(settings) as database:
        await database.correct([early])
        closed = settings.model_copy(update={"cassandra_port": free_port(["127.0.0.1"])})
        store = await open_store(closed)
        await store.correct([early, waiting])
        assert store.state()["spooled"] == 2
        for refused in (store.call("1.2.3.4", timeuuid.now()), anext(store.corrections())):
            with pytest.raises(StoreError, match="refuses connections"):
                await refused
        await store.close()
        await database.correct([late])
        store = await open_store(settings)  # the database is back, and another process finds what waits
        await until(lambda: store.state()["up"] and not store.state()["spooled"])
        assert await kept(store) == [early, late], "what waited does not replace what was said later"
        await store.close()


async def test_a_call_that_may_be_waiting_is_not_said_to_be_missing(settings):
    call = a_call()
    async with opened(settings) as database:
        store = await open_store(settings)
        assert await store.call(call.caller_id, call.called_at) is None
        spool = Spool(settings.spool_path)
        with spool.replaying():  # by another process
            await spool.add([call])
            with pytest.raises(StoreError, match="wait in the spool"):
                await store.call(call.caller_id, call.called_at)
        await until(lambda: not store.state()["spooled"])
        await spool.close()
        assert await store.call(call.caller_id, call.called_at) == call
        assert await database.call(call.caller_id, call.called_at) == call
        await store.close()


async def test_a_database_without_the_table_says_to_migrate_and_keeps_corrections_until_then(settings):
    with session_of(settings) as session:
        session.execute("DROP TABLE spam_feedback")
    store = await open_store(settings)
    assert "spam_feedback does not exist: run `python -m bentos migrate`" in store.state()["error"]
    correction = a_correction()
    await store.correct([correction])
    assert await asyncio.to_thread(migrate, settings)
    await until(lambda: store.state()["up"] and not store.state()["spooled"])
    assert await kept(store) == [correction]
    await store.close()
