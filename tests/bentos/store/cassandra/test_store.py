"""The store on a real node: what goes in comes out."""

import asyncio
import math
import random
from datetime import UTC, datetime
from uuid import UUID

import pytest

from bentos.store import StoreError, timeuuid
from bentos.store.cassandra.schema import migrate
from tests.cassandra.client import PATIENT, a_call, logged, opened, session_of, settings_for

pytestmark = pytest.mark.anyio

SPAM = {"ham": 0.001679, "spam": 0.998321}
VERSION = "1-abcdef01"


@pytest.fixture(scope="module")
def settings(cassandra_node, tmp_path_factory):
    settings = settings_for(cassandra_node, "store", tmp_path_factory.mktemp("store"), cache_timeout=PATIENT)
    migrate(settings)
    return settings


@pytest.fixture
async def store(settings, anyio_backend):
    async with opened(settings) as store:
        yield store


async def test_what_is_put_is_found_again_by_version_and_text(store):
    await store.put(VERSION, {"free 🎁": SPAM, "nul \0": SPAM})
    assert await store.get(VERSION, ["free 🎁", "nul \0", "other"]) == {"free 🎁": SPAM, "nul \0": SPAM}
    assert await store.get("2-bb", ["free 🎁"]) == {}
    assert await store.get(VERSION, []) == {}


async def test_a_later_prediction_takes_the_place_of_an_earlier(store):
    await store.put(VERSION, {"free": {"ham": 0.5, "spam": 0.5}})
    await store.put(VERSION, {"free": SPAM})
    assert await store.get(VERSION, ["free"]) == {"free": SPAM}


async def test_every_answer_of_six_decimals_reads_back_as_it_was(store):
    draw = random.Random(1)
    values = [0.0, 1.0, 1e-06, 0.9, 1 / 3, *(draw.random() for _ in range(2_000))]
    predictions = {f"n{i}": {"ham": round(v, 6), "spam": round(1 - v, 6)} for i, v in enumerate(values)}
    await store.put(VERSION, predictions)
    assert await store.get(VERSION, list(predictions)) == predictions


@pytest.mark.parametrize("size", [65_518, 65_519, 65_520, 65_527, 65_535, 65_536, 1_000_000])
async def test_a_text_of_any_length_is_found_and_no_other_is(store, size):
    for character in ("a", "é", "😀", "\0"):
        text = character * (size // len(character.encode()))
        await store.put(VERSION, {text: SPAM})
        assert await store.get(VERSION, [text, text[:-1] + "z", "z" + text[1:]]) == {text: SPAM}


async def test_a_text_that_looks_like_the_key_of_a_long_one_is_not_taken_for_it(store, settings):
    long = "x" * 70_000
    await store.put(VERSION, {long: SPAM})
    with session_of(settings) as session:
        rows = session.execute("SELECT model_version, input, whole_input FROM spam_cache_items")
        ((partition, key),) = [(partition, key) for partition, key, whole in rows if whole == long]
    for version in (VERSION, partition):
        assert await store.get(version, [key]) == {}
    await store.put(VERSION, {key: {"ham": 1.0, "spam": 0.0}})
    assert await store.get(VERSION, [long, key]) == {long: SPAM, key: {"ham": 1.0, "spam": 0.0}}


async def test_a_damaged_row_is_given_as_it_is(store, settings):
    await store.put(VERSION, {"empty": SPAM, "nan": SPAM})
    with session_of(settings) as session:
        update = "UPDATE spam_cache_items SET prediction_map = {} WHERE model_version = %s AND input = %s"
        session.execute(update, (VERSION, "empty"))
        update = update.replace("{}", "{'ham': NaN}")
        session.execute(update, (VERSION, "nan"))
    found = await store.get(VERSION, ["empty", "nan"])
    assert found["empty"] == {}
    assert math.isnan(found["nan"]["ham"])


async def test_a_statement_that_the_node_has_forgotten_is_prepared_anew(store, settings):
    await store.put(VERSION, {"before": SPAM})
    with session_of(settings) as session:
        for change in ("ADD later int", "DROP later"):  # the node forgets what it has prepared for the table
            session.execute(f"ALTER TABLE spam_cache_items {change}")
    await store.put(VERSION, {"after": SPAM})
    assert await store.get(VERSION, ["before"]) == {"before": SPAM}
    assert await store.get(VERSION, ["after"]) == {"after": SPAM}


async def test_predictions_expire_when_a_lifetime_is_set(settings):
    async with opened(settings.model_copy(update={"cache_ttl": 1})) as store:
        await store.put(VERSION, {"short-lived": SPAM})
        deadline = asyncio.get_running_loop().time() + 20
        while await store.get(VERSION, ["short-lived"]):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)


async def test_calls_are_listed_oldest_first_and_stored_once(store):
    calls = [a_call(f"text {i}", "order") for i in range(1_203)]
    await store.log(random.Random(2).sample(calls, len(calls)))
    await store.log(calls[:700])
    assert await logged(store, calls) == calls


async def test_calls_at_the_same_moment_from_many_requests_are_all_stored(store):
    calls = [a_call(f"text {i}", f"many {i % 3}") for i in range(600)]
    await asyncio.gather(*(store.log(calls[i : i + 2]) for i in range(0, len(calls), 2)))
    found = await logged(store, calls)
    assert sorted(found, key=lambda call: call.called_at.time) == calls


async def test_a_request_that_goes_away_does_not_take_others_calls_with_it(store):
    calls = [a_call(f"text {i}", "leaving") for i in range(20)]
    waiting = [asyncio.create_task(store.log([call])) for call in calls]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.gather(*waiting[1:])
    found = await logged(store, calls)
    assert found[-19:] == calls[1:]


async def test_a_request_across_the_hour_is_found_in_both_hours(store):
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ticks = int((noon - datetime(1582, 10, 15, tzinfo=UTC)).total_seconds()) * 10_000_000

    def at(tick: int) -> UUID:
        return UUID(fields=(tick & 0xFFFFFFFF, tick >> 32 & 0xFFFF, tick >> 48 | 0x1000, 0x80, 1, 1))

    before, after = a_call("before", at=at(ticks - 1)), a_call("after", at=at(ticks))
    await store.log([before, after])
    assert await logged(store, [before]) == [before]
    assert await logged(store, [after]) == [after]


async def test_one_callers_calls_are_never_anothers(store):
    mine, theirs = a_call("mine", "me"), a_call("theirs", "they")
    await store.log([mine, theirs])
    assert await logged(store, [mine]) == [mine]
    assert [call async for call in store.calls("nobody", timeuuid.hour(mine.called_at))] == []


async def test_large_rows_are_stored(store):
    calls = [a_call("😀" * 10_000, "large") for _ in range(50)] + [a_call("y" * 1_000_000, "large")]
    await store.log(calls)
    assert await logged(store, calls) == calls


async def test_a_text_that_is_no_unicode_is_refused(store):
    for refused in (
        store.get(VERSION, ["\ud800"]),
        store.put(VERSION, {"\ud800": SPAM}),
        store.log([a_call("\ud800")]),
    ):
        with pytest.raises(StoreError):
            await refused


async def test_a_database_that_falls_silent_midway_ends_the_list_with_an_error(store, cassandra_node):
    calls = [a_call(f"text {i}", "midway") for i in range(1_000)]
    await store.log(calls)
    listed = store.calls("midway", timeuuid.hour(calls[0].called_at))
    assert await anext(listed) == calls[0]
    cassandra_node.pause()
    try:
        with pytest.raises(StoreError):
            async for _ in listed:
                pass
    finally:
        cassandra_node.resume()


async def test_a_silent_database_is_waited_for_no_longer_than_asked(settings, cassandra_node):
    async with opened(settings.model_copy(update={"cache_timeout": 0.2})) as store:
        cassandra_node.pause()
        try:
            with pytest.raises(StoreError, match=r"no answer within 0\.2 s"):
                await store.get(VERSION, ["free"])
            with pytest.raises(StoreError, match=r"no answer within 0\.2 s"):
                await store.log([a_call()])
        finally:
            cassandra_node.resume()
        async with asyncio.timeout(30):
            while not await _answers(store):
                await asyncio.sleep(0.1)


async def _answers(store) -> bool:
    try:
        await store.get(VERSION, ["free"])
        return True
    except StoreError:
        return False
