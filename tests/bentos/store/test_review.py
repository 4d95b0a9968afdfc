"""The review queue in each of the stores."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bentos.store import Correction, StoreError, timeuuid
from bentos.store.cassandra.store import open_store
from bentos.store.questions import LABELLED, RANDOM, SKIPPED, THRESHOLD, WAITING, Decision, Question
from bentos.store.resilient import ResilientStore
from bentos.store.spool import DECISIONS, Spool, replay_lock
from bentos.store.sqlite.store import SQLiteStore
from tests.cassandra.client import opened, session_of, until
from tests.cassandra.ring import free_port

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
def store(each_store):
    return each_store


def a_question(text="hi 🎁", caller="1.2.3.4", reason=RANDOM, at=None) -> Question:
    return Question(at or timeuuid.now(), caller, text, "1-abcdef01", "spam", 0.723456, reason)


def a_decision(question: Question, state=LABELLED, label="ham", reviewer="ann", undoes=None) -> Decision:
    at = timeuuid.now()
    return Decision(question.id, reviewer, at, question.input, question.reason, state, label, undoes)


def decided(question: Question, decision: Decision) -> Question:
    given = {"answer": decision.label, "reviewer": decision.caller_id, "decided_at": decision.decided_at}
    return replace(question, state=decision.state, **given)


async def asked(store, hours=1) -> list[Question]:
    return [found async for found in store.questions(timeuuid.moment(timeuuid.now()) - hours * HOUR)]


async def corrections(store) -> list[Correction]:
    return [found async for found in store.corrections()]


async def test_questions_come_back_newest_first_over_hours_and_pages(store):
    moments = [timeuuid.moment(timeuuid.now()) - ago * HOUR for ago in (2, 1)]
    old = [a_question(f"old {ago}", at=timeuuid.first(moment)) for ago, moment in enumerate(moments)]
    new = [a_question(f"new {i}") for i in range(450)]
    await store.ask([*new, *old])
    await store.ask(old)
    found = await asked(store, 2)
    assert found == [*reversed(new), *reversed(old)]
    assert all(one.id.time > other.id.time for one, other in pairwise(found))
    assert await asked(store, 1) == [*reversed(new), old[1]]
    assert await store.question(old[0].id) == old[0] and await store.question(timeuuid.now()) is None


async def test_a_label_is_a_correction_with_its_reason_and_undoing_it_takes_both_back(store):
    question = a_question(reason=THRESHOLD)
    await store.ask([question])
    said = a_decision(question)
    await store.decide([said])
    assert await store.question(question.id) == decided(question, said)
    kept = Correction("ann", said.decided_at, question.input, "ham", THRESHOLD)
    assert await corrections(store) == [kept] and await store.correction("ann", question.input) == kept
    assert await store.corrected("ann", [question.input]) == {question.input: "ham"}
    undo = a_decision(question, WAITING, "", undoes=said.decided_at)
    await store.decide([undo])
    assert await store.question(question.id) == decided(question, undo)
    assert await corrections(store) == [] and await store.corrected("ann", [question.input]) == {}
    assert await store.correction("ann", question.input) is None


async def test_undoing_leaves_what_was_said_later_and_what_others_said(store):
    question = a_question()
    await store.ask([question])
    first, later, other = a_decision(question), a_decision(question, label="spam"), a_decision(question, reviewer="bob")
    for decision in (first, later, other, a_decision(question, WAITING, "", undoes=first.decided_at)):
        await store.decide([decision])
    assert sorted((found.caller_id, found.label) for found in await corrections(store)) == [
        ("ann", "spam"),
        ("bob", "ham"),
    ]


async def test_what_is_skipped_is_no_correction(store):
    question = a_question()
    await store.ask([question])
    skip = a_decision(question, SKIPPED, "")
    await store.decide([skip])
    assert await store.question(question.id) == decided(question, skip)
    assert await corrections(store) == []


async def test_old_questions_are_deleted_from_a_file(tmp_path):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    now = timeuuid.moment(timeuuid.now())
    old, young = (a_question(at=timeuuid.first(now - ago * HOUR)) for ago in (4, 1))
    await store.ask([old, young])
    await store.close()
    store = await SQLiteStore.open(tmp_path / "spam.db", log_ttl=2 * 3600)
    await store.close()
    store = await SQLiteStore.open(tmp_path / "spam.db")
    assert await asked(store, 9) == [young]
    await store.close()


async def test_while_the_database_is_away_questions_are_refused_and_decisions_wait(settings):
    question = a_question()
    async with opened(settings) as database:
        await database.ask([question])
        store = await open_store(settings.model_copy(update={"cassandra_port": free_port(["127.0.0.1"])}))
        said, skip = a_decision(question), a_decision(a_question("other"), SKIPPED, "")
        await store.decide([said, skip])
        assert store.state()["spooled"] == 2
        for refused in (
            store.ask([question]),
            store.question(question.id),
            anext(store.questions(timeuuid.moment(question.id))),
        ):
            with pytest.raises(StoreError, match="refuses connections"):
                await refused
        await store.close()
        store = await open_store(settings)
        await until(lambda: store.state()["up"] and not store.state()["spooled"])
        assert await database.question(question.id) == decided(question, said)
        assert await corrections(store) == [Correction("ann", said.decided_at, question.input, "ham", RANDOM)]
        assert await asked(store) == [decided(question, said)], "an update alone makes no question"
        await store.close()


async def test_a_question_is_not_called_undecided_while_decisions_wait(tmp_path, anyio_backend):
    path = tmp_path / "spool.db"
    store = ResilientStore("the database", lambda: SQLiteStore.open(tmp_path / "spam.db"), Spool(path))
    labelled, other = a_question(), a_question("other")
    with replay_lock(path) as locked:  # another worker's, which is about to move the rows
        assert locked
        await store.start()
        await store.ask([labelled, other])
        assert await store.question(labelled.id) == labelled
        before = a_decision(other)
        await store.decide([before])
        spool = Spool(path)
        await spool.add([a_decision(labelled)], DECISIONS)
        await spool.close()
        with pytest.raises(StoreError, match="decisions wait"):
            await store.question(labelled.id)
        assert await store.question(other.id) == decided(other, before)
    await until(lambda: not store.state()["spooled"])
    await store.close()


async def test_rows_expire_in_cassandra_whether_decided_or_not_and_no_tombstone_is_read(settings):
    async with opened(settings.model_copy(update={"log_ttl": 3600})) as store:
        early = a_question(at=timeuuid.first(timeuuid.moment(timeuuid.now()) - timedelta(seconds=1800)))
        late = a_question(at=timeuuid.first(timeuuid.moment(timeuuid.now()) - 2 * HOUR))
        await store.ask([early])
        said = a_decision(early)
        await store.decide([said, a_decision(early, WAITING, "", undoes=said.decided_at), a_decision(late)])
        assert [found.state for found in await asked(store, 5)] == [WAITING]
    with session_of(settings) as session:
        rows = list(session.execute("SELECT TTL(state), TTL(input), TTL(decided_at) FROM spam_review"))
        assert len(rows) == 1 and rows[0][0] <= 1800 and rows[0][2] <= 1800 and rows[0][1] <= 3600
        query = "SELECT * FROM spam_review WHERE called_hour = %s"
        trace = session.execute(query, [timeuuid.hour(early.id)], trace=True).get_query_trace(30)
        assert "Read 1 live rows and 0 tombstone cells" in [event.description for event in trace.events]
