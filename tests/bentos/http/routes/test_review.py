"""What reviewers are asked, and what becomes of what they say."""

import sqlite3
from dataclasses import replace

import pytest

from bentos.store import Correction, StoreError, timeuuid
from bentos.store.questions import LABELLED, RANDOM, THRESHOLD, UNFAMILIAR, WAITING, Question
from bentos.versions.loaded import ServedVersions
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann(app):
    """A reviewer: without keys, whoever calls from this machine."""
    async with client_of(app, "127.0.0.1") as client:
        yield client


@pytest.fixture
async def bob(app):
    async with client_of(app, "::1") as client:
        yield client


@pytest.fixture
def a_question(served):
    def make(text="free prize", reason=RANDOM, key=served.default.key):
        return Question(timeuuid.now(), "10.0.0.1", text, key, "spam", 0.75, reason)

    return make


async def decide(client, question, **decision):
    response = await client.post(f"/review/{question.id}", json=decision)
    return response.status_code, response.json()


async def corrections(store) -> list[tuple[str, str, str, str]]:
    return [(one.caller_id, one.input, one.label, one.reason) async for one in store.corrections()]


async def test_questions_come_newest_first_of_each_reason_in_turn_and_say_nothing_of_the_answer(ann, store, a_question):
    reasons = [RANDOM, RANDOM, THRESHOLD, THRESHOLD, THRESHOLD, UNFAMILIAR]
    questions = [a_question(f"text {i}", reason) for i, reason in enumerate(reasons)]
    await store.ask(questions)
    review = (await ann.get("/review?limit=5")).json()
    assert [one["text"] for one in review["questions"]] == ["text 1", "text 4", "text 5", "text 0", "text 3"]
    assert set(review["questions"][0]) == {"id", "text", "reason", "called_at"}
    assert review["counts"] == {"waiting": {RANDOM: 2, THRESHOLD: 3, UNFAMILIAR: 1}}
    assert (review["labels"], review["random_dropped"]) == (["ham", "spam"], 0)
    review = (await ann.get(f"/review?reason={THRESHOLD}")).json()
    assert [one["text"] for one in review["questions"]] == ["text 4", "text 3", "text 2"]
    for query in ("limit=0", "limit=101", "reason=whim"):
        assert (await ann.get(f"/review?{query}")).status_code == 422


async def test_a_label_is_a_correction_with_the_reason_and_then_the_answer_is_told(ann, store, a_question):
    question = a_question()
    await store.ask([question])
    path = f"/review/{question.id}/why"
    assert (await ann.get(path)).json()["error"] == "not_labelled"
    answered = {"predicted": {"label": "spam", "value": 0.75}, "model_version": "1"}
    said = (200, {"id": str(question.id), "state": LABELLED, "label": "ham"} | answered)
    assert await decide(ann, question, action="label", label="ham") == said
    assert await corrections(store) == [("127.0.0.1", "free prize", "ham", RANDOM)]
    review = (await ann.get("/review")).json()
    assert (review["questions"], review["counts"]) == ([], {LABELLED: {RANDOM: 1}})


async def test_why_is_told_after_the_label_by_the_version_that_answered(ann, service, store, a_question):
    served = service.served
    artifacts = [replace(version, model=version.model.model) for version in served.versions]  # only they explain
    service.current.served = ServedVersions(tuple(artifacts))
    question, gone = a_question("lunch free"), a_question(key="1-00000000")
    await store.ask([question, gone])
    for one in (question, gone):
        assert (await decide(ann, one, action="label", label="ham"))[0] == 200
    told = (await ann.get(f"/review/{question.id}/why")).json()
    assert told["model_version"] == "1" and [one["words"] for one in told["explanation"]] == ["lunch", "free"]
    response = await ann.get(f"/review/{gone.id}/why")
    assert (response.status_code, response.json()["error"]) == (404, "unknown_version")


async def test_undoing_takes_the_label_and_the_correction_back_and_the_question_waits_again(ann, store, a_question):
    question = a_question()
    await store.ask([question])
    back = (200, {"id": str(question.id), "state": WAITING, "label": None, "predicted": None, "model_version": None})
    for decision in ({"action": "label", "label": "ham"}, {"action": "skip"}):
        assert (await decide(ann, question, **decision))[0] == 200
        assert (await ann.get("/review")).json()["questions"] == []
        for _ in range(2):
            assert await decide(ann, question, action="undo") == back
        assert await corrections(store) == []
        assert [one["id"] for one in (await ann.get("/review")).json()["questions"]] == [str(question.id)]


@pytest.mark.parametrize("action", ["undo", "skip"])
async def test_undoing_one_of_two_questions_on_a_text_leaves_the_label_of_the_other(ann, store, a_question, action):
    first, slip = questions = [a_question(), a_question(reason=THRESHOLD)]
    await store.ask(questions)
    await decide(ann, first, action="label", label="spam")
    await decide(ann, slip, action="label", label="ham")
    assert (await decide(ann, slip, action=action))[0] == 200
    assert (await store.question(first.id)).state == LABELLED
    assert await corrections(store) == [("127.0.0.1", "free prize", "spam", RANDOM)]
    assert (await decide(ann, first, action="undo"))[0] == 200
    assert await corrections(store) == []


async def test_undoing_leaves_a_label_that_the_reviewer_gave_the_text_since(ann, store, a_question):
    questions = [a_question(), a_question()]
    await store.ask(questions)
    for question in questions:
        await decide(ann, question, action="label", label="spam")
    await store.correct([Correction("127.0.0.1", timeuuid.now(), "free prize", "ham")])
    await decide(ann, questions[1], action="undo")
    assert await corrections(store) == [("127.0.0.1", "free prize", "ham", "")]


async def test_the_second_of_two_reviewers_is_told(ann, bob, store, a_question):
    labelled, skipped = a_question(), a_question("other")
    await store.ask([labelled, skipped])
    await decide(ann, labelled, action="label", label="ham")
    await decide(ann, skipped, action="skip")
    for question in (labelled, skipped):
        for decision in ({"action": "label", "label": "spam"}, {"action": "skip"}, {"action": "undo"}):
            status, answer = await decide(bob, question, **decision)
            assert (status, answer["error"]) == (409, "already_decided")
    assert (await decide(ann, labelled, action="label", label="spam"))[0] == 200, "one's own mind may change"
    assert await corrections(store) == [("127.0.0.1", "free prize", "spam", RANDOM)]


async def test_a_text_of_the_random_share_stays_in_it(ann, store, a_question):
    questions = [a_question(), a_question(reason=THRESHOLD)]
    await store.ask(questions)
    for question in questions:
        await decide(ann, question, action="label", label="ham")
    assert await corrections(store) == [("127.0.0.1", "free prize", "ham", RANDOM)]


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ({"action": "label"}, "label: Field required"),
        ({"action": "skip", "label": "ham"}, "label: Extra inputs"),
        ({"action": "label", "label": "eggs"}, "'eggs' is no label; there are: ham, spam"),
        ({"action": "guess"}, "does not match any of the expected tags: 'label', 'skip', 'undo'"),
        ({"action": "undo", "text": "a"}, "text: Extra inputs"),
        ([], "send a JSON object"),
    ],
)
async def test_what_cannot_be_used_is_refused_and_changes_nothing(ann, store, a_question, decision, why):
    question = a_question()
    await store.ask([question])
    response = await ann.post(f"/review/{question.id}", json=decision)
    assert response.status_code == 422 and why in response.json()["detail"]
    assert await store.question(question.id) == question and await corrections(store) == []


async def test_a_question_that_is_not_there(ann):
    for response in (
        await ann.post(f"/review/{timeuuid.now()}", json={"action": "skip"}),
        await ann.get(f"/review/{timeuuid.now()}/why"),
    ):
        assert (response.status_code, response.json()["error"]) == (404, "unknown_id")
    assert (await ann.post("/review/17", json={"action": "skip"})).status_code == 422


async def test_while_the_database_is_away_what_was_shown_can_be_labelled(ann, store, service, a_question, monkeypatch):
    shown, other = a_question(), a_question("other", THRESHOLD)
    await store.ask([shown, other])
    assert len((await ann.get("/review?limit=1")).json()["questions"]) == 1

    async def away(*_):
        raise StoreError("away")

    kept = []

    async def spool(decisions):
        kept.extend(decisions)

    for name in ("question", "correction"):
        monkeypatch.setattr(store, name, away)
    monkeypatch.setattr(store, "decide", spool)
    assert (await decide(ann, shown, action="label", label="ham"))[0] == 200
    assert [(one.question_id, one.caller_id, one.label, one.reason) for one in kept] == [
        (shown.id, "127.0.0.1", "ham", RANDOM)
    ]
    for question, action in ((other, "skip"), (shown, "undo")):
        status, answer = await decide(ann, question, action=action)
        assert (status, answer["error"]) == (503, "store_unavailable")


@pytest.mark.parametrize("action", ["undo", "skip"])
async def test_a_label_that_another_worker_has_put_into_the_spool_is_not_taken_for_none(
    ann, store, a_question, monkeypatch, action
):
    shown = a_question()
    await store.ask([shown])
    await ann.get("/review")

    async def away(*_):
        raise StoreError("away")

    monkeypatch.setattr(store, "question", away)
    status, answer = await decide(ann, shown, action=action)
    assert (status, answer["error"]) == (503, "store_unavailable")


async def test_a_store_that_cannot_be_read_is_said_without_its_message(ann, store):
    with sqlite3.connect(store.path) as db:
        db.execute("DROP TABLE spam_review")
    response = await ann.get("/review")
    assert (response.status_code, response.json()["error"]) == (503, "store_unavailable")
    assert "spam.db" not in response.text


async def test_others_may_not_look(client, store, a_question):
    question = a_question()
    await store.ask([question])
    for response in (
        await client.get("/review"),
        await client.post(f"/review/{question.id}", json={"action": "skip"}),
        await client.get(f"/review/{question.id}/why"),
    ):
        assert (response.status_code, response.json()["error"]) == (403, "no_right")
    assert await store.question(question.id) == question


async def test_a_reviewer_s_own_calls_are_answered_with_the_label(ann, store, a_question):
    question = a_question("free prize")
    await store.ask([question])
    await decide(ann, question, action="label", label="ham")
    answer = (await ann.post("/prediction", json={"text": "free prize"})).json()
    assert (answer["top"]["label"], answer["source"]) == ("ham", "correction")
    kept = await store.correction("127.0.0.1", "free prize")
    assert isinstance(kept, Correction) and kept.reason == RANDOM
