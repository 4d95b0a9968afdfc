import asyncio

import pytest

from bentos.answering import model_pool
from bentos.answering.explanation import Explanation
from bentos.answering.model_pool import ModelPool
from bentos.errors import CallError
from bentos.versions.mock import mock_versions
from tests.bentos.conftest import load_toy

pytestmark = pytest.mark.anyio


async def test_the_words_are_weighed_in_the_texts_order(tmp_path, pool):
    loaded = load_toy(tmp_path, 1, -1.0)
    loaded = type(loaded)(loaded.version, loaded.model.model)
    explanation = Explanation(loaded, "free lunch now")
    words = await explanation.weights(pool)
    assert explanation.cost == 4
    assert [word for word, _ in words] == ["free", "lunch", "now"]
    weights = dict(words)
    assert weights["free"] * weights["lunch"] < 0 and abs(weights["now"]) < 0.01


async def test_many_explanations_wait_for_their_turns_and_leave_room_for_others(tmp_path, pool, monkeypatch):
    loaded = load_toy(tmp_path, 1, -1.0)
    loaded = type(loaded)(loaded.version, loaded.model.model)
    text = " ".join(f"word{i}" for i in range(64))
    monkeypatch.setattr(model_pool, "MAX_WAITING_CHARACTERS", 4 * 65 * len(text))
    asked = [asyncio.create_task(Explanation(loaded, text).weights(pool)) for _ in range(20)]
    await asyncio.sleep(0)
    assert await pool.run(lambda texts: texts, ["lunch"]) == ["lunch"]
    assert not asked[-1].done(), "the list had to wait for all of them"
    assert [len(words) for words in await asyncio.gather(*asked)] == [64] * 20


async def test_who_waits_too_long_for_a_turn_is_told_so():
    pool = ModelPool(timeout=0.05)
    async with pool.turn(), pool.turn():
        with pytest.raises(CallError, match="too many explanations") as caught:
            async with pool.turn():
                pass
    assert (caught.value.reason, caught.value.retry_after) == ("timed_out", 1)
    async with pool.turn():
        pool.close()


async def test_a_stand_in_has_no_reasons():
    with pytest.raises(CallError, match="stand-in") as caught:
        Explanation(mock_versions().default, "free")
    assert caught.value.reason == "no_explanation"
