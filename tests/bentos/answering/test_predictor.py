import asyncio
import json
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bentos.answering.batcher import MOST_TEXTS
from bentos.store import StoreError, timeuuid
from registry.model.artifact import Prediction
from registry.model.decision import Decision

pytestmark = pytest.mark.anyio


class Broken:
    """The real store with some of its methods failing."""

    def __init__(self, store, *methods):
        self.store = store
        self.methods = methods

    def __getattr__(self, name):
        async def fail(*args):
            raise StoreError(f"{name} fails")

        return fail if name in self.methods else getattr(self.store, name)


async def log_of(store, caller="me"):
    return [call async for call in store.calls(caller, timeuuid.hour(timeuuid.now()))]


def counted(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels) or 0


@pytest.fixture
def champion(served):
    return served.default


async def test_a_text_is_predicted_once_and_then_comes_from_the_cache(predictor, champion):
    (first,) = await predictor.answer(champion, ["free prize"], "me", False)
    (second,) = await predictor.answer(champion, ["free prize"], "me", False)
    assert (first.from_cache, second.from_cache) == (False, True)
    assert json.dumps(first.prediction) == json.dumps(second.prediction)
    assert champion.model.runs == [["free prize"]]


async def test_every_version_has_a_cache_of_its_own(predictor, served):
    answers = [(await predictor.answer(version, ["free"], "me", False))[0] for version in served.versions]
    assert [answer.from_cache for answer in answers] == [False, False]
    assert answers[0].prediction != answers[1].prediction


async def test_only_what_is_new_goes_through_the_model_and_once(predictor, champion):
    await predictor.answer(champion, ["known"], "me", False)
    answers = await predictor.answer(champion, ["new", "known", "new", "free"], "me", False)
    assert [answer.input for answer in answers] == ["new", "known", "new", "free"]
    assert [answer.from_cache for answer in answers] == [False, True, False, False]
    assert champion.model.runs == [["known"], ["new", "free"]]


@pytest.mark.parametrize("many", [1, 10 * MOST_TEXTS], ids=["on the loop", "in a thread"])
async def test_the_same_texts_at_the_same_moment_get_the_same_answers(predictor, champion, many):
    texts = [f"text {i}" for i in range(many)]
    answers = await asyncio.gather(*(predictor.answer(champion, texts, "me", False) for _ in range(20)))
    assert len({json.dumps([a.prediction for a in answer]) for answer in answers}) == 1


async def test_skip_cache_runs_the_model_and_stores_what_it_says(predictor, champion):
    await predictor.answer(champion, ["free"], "me", True)
    (skipped,) = await predictor.answer(champion, ["free"], "me", True)
    (cached,) = await predictor.answer(champion, ["free"], "me", False)
    assert (skipped.from_cache, cached.from_cache) == (False, True)
    assert champion.model.runs == [["free"], ["free"]]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"ham": 0.5},
        {"ham": 0.5, "eggs": 0.5},
        {"ham": 0.5, "spam": 0.6},
        {"ham": -0.5, "spam": 1.5},
        {"ham": 0.5, "spam": None},
        {"ham": 0.25, "spam": 0.5, "eggs": 0.25},
    ],
)
async def test_a_cached_row_that_is_no_prediction_is_a_miss_and_is_overwritten(
    predictor, champion, store, metrics, row
):
    await store.put(champion.key, {"free": row})
    (answer,) = await predictor.answer(champion, ["free"], "me", False)
    assert not answer.from_cache
    assert await store.get(champion.key, ["free"]) == {"free": answer.prediction}
    assert counted(metrics, "spam_cache_bad_rows_total") == 1


async def test_not_a_number_in_the_cache_is_a_miss(predictor, champion, store):
    await store.put(champion.key, {"free": {"ham": 0.5, "spam": 0.5}})
    with sqlite3.connect(store.path) as db:
        db.execute('UPDATE spam_cache_items SET prediction_map = \'{"ham": NaN, "spam": 1e999}\'')
    assert not (await predictor.answer(champion, ["free"], "me", False))[0].from_cache


async def test_labels_stored_in_another_order_answer_the_same_bytes(predictor, champion, store):
    (fresh,) = await predictor.answer(champion, ["free"], "me", False)
    await store.put(champion.key, {"free": dict(reversed(fresh.prediction.items()))})
    (cached,) = await predictor.answer(champion, ["free"], "me", False)
    assert cached.from_cache and json.dumps(cached.prediction) == json.dumps(fresh.prediction)


async def test_every_answer_is_in_the_callers_log(predictor, champion, store):
    await predictor.answer(champion, ["free prize", "home", "home"], "me", False)
    await predictor.answer(champion, ["home"], "me", False)
    await predictor.answer(champion, ["other"], "you", False)
    rows = [(call.input, call.model_version, call.result, call.from_cache) for call in await log_of(store)]
    assert rows == [
        ("free prize", champion.key, "spam", False),
        ("home", champion.key, "ham", False),
        ("home", champion.key, "ham", False),
        ("home", champion.key, "ham", True),
    ]


async def test_without_a_cache_answers_are_right_and_failures_counted(predictor, champion, store, metrics):
    (right,) = await predictor.answer(champion, ["free"], "me", False)
    predictor.store = Broken(store, "get", "put")
    (answer,) = await predictor.answer(champion, ["free"], "me", False)
    assert answer.prediction == right.prediction and not answer.from_cache
    assert len(await log_of(store)) == 2
    assert counted(metrics, "spam_cache_failures_total", operation="get") == 1
    assert counted(metrics, "spam_cache_failures_total", operation="put") == 1


async def test_without_a_log_nothing_is_answered(predictor, champion, store, metrics):
    predictor.store = Broken(store, "log")
    with pytest.raises(StoreError):
        await predictor.answer(champion, ["free"], "me", False)
    assert counted(metrics, "spam_log_failures_total") == 1


async def test_a_request_is_answered_when_another_with_the_same_texts_is_cancelled(predictor, champion, store):
    texts = [f"text {i}" for i in range(500)]
    first = asyncio.create_task(predictor.answer(champion, texts, "me", False))
    second = asyncio.create_task(predictor.answer(champion, texts, "you", False))
    await asyncio.sleep(0)
    first.cancel()
    assert [answer.input for answer in await second] == texts
    assert len(await log_of(store, "you")) == 500


async def test_a_failing_model_fails_its_call_and_not_the_next(predictor, champion, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(champion.model, "classify_each", lambda texts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await predictor.answer(champion, ["free"], "me", False)
    assert (await predictor.answer(champion, ["free"], "me", False))[0].label == "spam"


def test_moments_are_in_order_unique_and_tell_nothing_of_the_machine():
    import uuid

    made = [timeuuid.now() for _ in range(1_000)]
    assert sorted(made, key=lambda u: u.time) == made and len(set(made)) == 1_000
    assert made[0].version == 1 and made[0].node != uuid.getnode()
    assert abs((datetime.now(UTC) - timeuuid.moment(made[-1])).total_seconds()) < 60


class Strict:
    """A model that is unsure between .2 and .9, answers spam from .6 on, and knows no digits."""

    labels = ("ham", "spam")
    decision = Decision(positive="spam", threshold=0.6, unsure_from=0.2, unsure_to=0.9, familiar=0.5)

    def classify_each(self, texts):
        return [Prediction({"ham": 1 - float(text), "spam": float(text)}, unfamiliar=text == "0.5") for text in texts]


@pytest.mark.parametrize("cached", [False, True])
async def test_a_version_answers_at_its_operating_point(predictor, champion, cached):
    strict = replace(champion, model=Strict())
    texts = ["0.1", "0.5", "0.6", "0.95"]
    for _ in range(1 + cached):
        answers = await predictor.answer(strict, texts, "me", False)
    await asyncio.sleep(0)  # metrics are told in the next turn
    assert [answer.label for answer in answers] == ["ham", "ham", "spam", "spam"]
    assert [answer.verdict for answer in answers] == ["ham", "unsure", "unsure", "spam"]
    assert [answer.unfamiliar for answer in answers] == [False, True, False, False]
    assert [answer.from_cache for answer in answers] == [cached] * 4
    assert counted(predictor.metrics, "spam_unsure_total", model_version=strict.number) == 2 * (1 + cached)
    assert counted(predictor.metrics, "spam_unfamiliar_total", model_version=strict.number) == 1 + cached
