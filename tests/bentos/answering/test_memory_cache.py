"""The tier of the cache in a worker's memory."""

import asyncio
import json
import time
import tracemalloc

import pytest

from bentos.answering import memory_cache
from bentos.answering.memory_cache import MemoryCache
from bentos.store import StoreError
from registry.model.artifact import Prediction

pytestmark = pytest.mark.anyio

SPAM = Prediction({"ham": 0.000001, "spam": 0.999999}, True)


@pytest.fixture
def memory() -> MemoryCache:
    return MemoryCache(2**20)


@pytest.fixture
def champion(served):
    return served.default


async def test_what_the_model_said_is_remembered_and_the_store_is_not_asked(predictor, champion, store, monkeypatch):
    (first,) = await predictor.answer(champion, ["free prize"], "me", False)

    async def get(*_):
        raise StoreError("asked")

    monkeypatch.setattr(store, "get", get)
    (second,) = await predictor.answer(champion, ["free prize"], "me", False)
    assert [(answer.from_cache, answer.from_memory) for answer in (first, second)] == [(False, False), (True, True)]
    assert json.dumps(first.prediction) == json.dumps(second.prediction)
    assert (first.unfamiliar, first.verdict) == (second.unfamiliar, second.verdict)
    assert champion.model.runs == [["free prize"]]


async def test_what_the_store_gave_is_remembered(predictor, champion, metrics):
    await predictor.answer(champion, ["free"], "me", False)
    predictor.memory = MemoryCache(2**20)  # of another worker
    answers = [(await predictor.answer(champion, ["free", "new"], "me", False)) for _ in range(2)]
    assert [[answer.from_memory for answer in both] for both in answers] == [[False, False], [True, True]]
    await asyncio.sleep(0)  # metrics are told in the next turn
    told = metrics.text().decode()
    for source, texts in (("memory", 2), ("cache", 1), ("model", 2)):
        assert f'spam_predictions_total{{model_version="1",source="{source}"}} {texts}.0' in told


async def test_skip_cache_skips_the_memory_too_and_versions_do_not_share_it(predictor, champion, served):
    await predictor.answer(champion, ["free"], "me", False)
    (skipped,) = await predictor.answer(champion, ["free"], "me", True)
    (another,) = (version for version in served.versions if version.number == "2")
    (other,) = await predictor.answer(another, ["free"], "me", False)
    assert not (skipped.from_cache or other.from_cache)


def test_the_predictions_used_last_stay(champion):
    memory = MemoryCache(3 * (memory_cache.OVERHEAD + 25))
    for text in "abc":
        memory.put(champion, {text: SPAM})
    assert memory.get(champion, ["a"]) == {"a": SPAM}
    memory.put(champion, {"d": SPAM, "c": SPAM})
    assert memory.get(champion, list("abcd")).keys() == {"a", "c", "d"}


def test_nothing_is_kept_without_memory(champion):
    memory = MemoryCache(0)
    memory.put(champion, {"a": SPAM})
    assert (memory.get(champion, ["a"]), memory.bytes) == ({}, 0)


def test_with_a_lifetime_only_what_the_model_said_is_kept_and_not_for_longer(champion):
    memory = MemoryCache(2**20, ttl=60)
    memory.put(champion, {"said": SPAM})
    memory.put_read(champion, {"read": SPAM})
    assert memory.get(champion, ["said", "read"]) == {"said": SPAM}
    memory.ttl = 1e-9
    time.sleep(0.001)
    assert memory.get(champion, ["said"]) == {}


def test_the_bound_holds_in_real_bytes_and_no_text_is_kept(champion):
    tracemalloc.start()
    try:
        memory = MemoryCache(2**20)
        for n in range(20_000):
            memory.put(champion, {f"my secret {n} {'x' * 1_000}": SPAM})
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 0.6 * 2**20 < used < 2**20 + 50_000
    assert len(memory._entries) > 4_000 and b"secret" not in b"".join([*memory._entries, *memory._entries.values()])
