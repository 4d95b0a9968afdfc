"""Which answered calls a person is asked about."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from bentos.answering.predictor import Answer
from bentos.answering.sampling import WAITING, ReviewSampler, nearness
from bentos.store import StoreError, timeuuid
from bentos.store.questions import RANDOM, SHADOW, THRESHOLD, UNFAMILIAR, Question
from registry.model.decision import Decision, MostProbable
from tests.bentos.answering.test_routing import counted, route
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


class Asked:
    """A store that remembers what it was asked to keep, or fails."""

    def __init__(self, error: Exception | None = None):
        self.questions: list[Question] = []
        self.error = error
        self.asked = asyncio.Event()

    async def ask(self, questions):
        self.asked.set()
        if self.error:
            raise self.error
        self.questions += questions

    @property
    def reasons(self) -> list[str]:
        return [question.reason for question in self.questions]


def an_answer(text="hi", spam=0.999, unfamiliar=False, corrected=False, at: UUID | None = None) -> Answer:
    label = "spam" if spam >= 0.5 else "ham"
    prediction = {"ham": round(1 - spam, 6), "spam": spam}
    return Answer(text, prediction, label, label, unfamiliar, False, at or timeuuid.now(), corrected=corrected)


async def taken(sampler: ReviewSampler) -> list[Question]:
    """What the sampler has queued, once it is written."""
    task = asyncio.create_task(sampler.run())
    await sampler.store.asked.wait()
    task.cancel()
    return sampler.store.questions


@pytest.fixture
def version(served):
    return served.default


async def test_each_reason_takes_up_its_own_and_chance_comes_first(version, metrics):
    doubtful, strange, sure = an_answer("a", 0.5), an_answer("b", unfamiliar=True), an_answer("c")
    corrected = an_answer("d", 0.5, unfamiliar=True, corrected=True)
    sampler = ReviewSampler(Asked(), metrics, share=0, per_hour=60)
    sampler.consider(version, "ann", [doubtful, strange, sure, corrected])
    sampler.consider_disagreement(version, "ann", sure)
    sampler.consider_disagreement(version, "ann", doubtful)
    found = await taken(sampler)
    assert [(one.id, one.reason) for one in found] == [
        (doubtful.id, THRESHOLD),
        (strange.id, UNFAMILIAR),
        (sure.id, SHADOW),
    ]
    assert found[0] == Question(doubtful.id, "ann", "a", version.key, "spam", 0.5, THRESHOLD)
    everything = ReviewSampler(Asked(), metrics, share=1, per_hour=60)
    everything.consider(version, "ann", [doubtful, strange, sure, corrected])
    assert [one.reason for one in await taken(everything)] == [RANDOM] * 3
    assert counted(metrics, "spam_review_questions_total", reason=RANDOM) == 3


async def test_the_random_share_is_drawn_whatever_the_answer_is(version, metrics):
    sampler = ReviewSampler(Asked(), metrics, share=0.25, per_hour=10_000)
    sampler._waiting = asyncio.Queue()
    answers = [an_answer(f"{i}", 0.5 if i % 2 else 0.999, unfamiliar=i % 4 == 0) for i in range(8_000)]
    sampler.consider(version, "ann", answers)
    drawn = [one for one in list(sampler._waiting._queue) if one.reason == RANDOM]
    assert 1_800 < len(drawn) < 2_200, "binomial, 5 standard deviations around 2,000"
    assert 0.44 < sum(one.probability == 0.5 for one in drawn) / len(drawn) < 0.56


async def test_a_bound_holds_for_each_reason_alone_and_what_is_dropped_is_counted(version, metrics, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 7_200.0)
    sampler = ReviewSampler(Asked(), metrics, share=0, per_hour=2)
    sampler.consider(version, "ann", [an_answer(f"near {i}", 0.5) for i in range(5)])
    sampler.consider(version, "ann", [an_answer("odd", unfamiliar=True)])
    sampler.share = 1
    sampler.consider(version, "ann", [an_answer(f"any {i}") for i in range(3)])
    monkeypatch.setattr("time.time", lambda: 10_800.0)
    sampler.consider(version, "ann", [an_answer("next hour")])
    await taken(sampler)
    assert sampler.store.reasons == [THRESHOLD] * 2 + [UNFAMILIAR] + [RANDOM] * 3
    assert counted(metrics, "spam_review_dropped_total", reason=THRESHOLD, why="bound") == 3
    assert counted(metrics, "spam_review_dropped_total", reason=RANDOM, why="bound") == 1
    assert metrics.total_dropped(RANDOM) == 1


async def test_a_text_is_asked_about_once_but_drawn_as_often_as_it_is_sent(version, metrics):
    sampler = ReviewSampler(Asked(), metrics, share=0, per_hour=60)
    sampler.consider(version, "ann", [an_answer("same", 0.5) for _ in range(3)])
    sampler.share = 1
    sampler.consider(version, "ann", [an_answer("same", 0.5) for _ in range(3)])
    await taken(sampler)
    assert sampler.store.reasons == [THRESHOLD] + [RANDOM] * 3


async def test_nobody_is_asked_about_a_stand_in_or_where_nothing_may_be_asked(version, metrics):
    for sampler, one in (
        (ReviewSampler(Asked(), metrics, share=1, per_hour=60), replace(version, mock=True)),
        (ReviewSampler(Asked(), metrics, share=1, per_hour=0), version),
    ):
        sampler.consider(one, "ann", [an_answer(spam=0.5)])
        sampler.consider_disagreement(one, "ann", an_answer())
        assert sampler._waiting.empty()


async def test_a_store_that_fails_and_a_full_queue_drop_questions_and_the_next_are_asked(version, metrics):
    sampler = ReviewSampler(Asked(StoreError("away")), metrics, share=1, per_hour=10_000)
    sampler.consider(version, "ann", [an_answer() for _ in range(WAITING + 5)])
    assert counted(metrics, "spam_review_dropped_total", reason=RANDOM, why="queue") == 5
    task = asyncio.create_task(sampler.run())
    async with asyncio.timeout(20):
        while counted(metrics, "spam_review_dropped_total", reason=RANDOM, why="store") < WAITING:
            await asyncio.sleep(0)
    sampler.store.error = None
    sampler.store.asked.clear()
    sampler.consider(version, "ann", [an_answer("later")])
    await sampler.store.asked.wait()
    task.cancel()
    assert [one.input for one in sampler.store.questions] == ["later"]


@pytest.mark.parametrize(
    ("decision", "near", "far"),
    [
        (Decision(positive="spam", threshold=0.5, unsure_from=0.5, unsure_to=0.5), (0.26, 0.74), (0.24, 0.76)),
        (Decision(positive="spam", threshold=0.9, unsure_from=0.9, unsure_to=0.9), (0.76, 0.96), (0.74, 0.97)),
        (Decision(positive="spam", threshold=0.5, unsure_from=0.1, unsure_to=0.9), (0.11, 0.89), (0.09, 0.91)),
        (MostProbable(), (0.26, 0.74), (0.24, 0.76)),
    ],
)
def test_what_is_near_the_operating_point(version, decision, near, far):
    version.model.decision = decision
    found = nearness(version)
    assert all(found.holds(an_answer(spam=spam)) for spam in near)
    assert not any(found.holds(an_answer(spam=spam)) for spam in far)


async def test_calls_over_http_are_taken_up_with_the_shadow_s_disagreement(app, service, sampler, store):
    route(service, shadow="challenger")
    tasks = [asyncio.create_task(one) for one in (sampler.run(), service.shadow.run())]
    async with client_of(app) as client:
        id_ = (await client.post("/prediction", json={"text": "free"})).json()["id"]  # 3 - 1: spam; 3 - 4: ham
    async with asyncio.timeout(20):
        while (found := await store.question(UUID(id_))) is None:
            await asyncio.sleep(0.005)
    assert (found.input, found.caller_id, found.label) == ("free", "10.0.0.1", "spam")
    for task in tasks:
        task.cancel()
