"""`python -m bentos label` and `export review`: the review queue for other programs."""

import json

import pytest

from bentos.store import timeuuid
from bentos.store.questions import LABELLED, RANDOM, SKIPPED, THRESHOLD, Question
from bentos.store.sqlite.store import SQLiteStore
from tests.bentos.command import bentos

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path, anyio_backend):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    yield store
    await store.close()


def a_question(text: str, reason: str = RANDOM) -> Question:
    return Question(timeuuid.now(), "10.0.0.1", text, "1-abcdef01", "spam", 0.75, reason)


def line(question: Question, label: str, reviewer: str = "ann") -> str:
    return json.dumps({"id": str(question.id), "label": label, "reviewer": reviewer}) + "\n"


async def test_labels_are_stored_with_their_reasons_and_exported_with_the_questions(store, tmp_path):
    first, second, third, gone = (a_question(text, THRESHOLD) for text in ("one 🎁", "two", "three", "gone"))
    await store.ask([first, second, third])
    rows = line(first, "ham") + line(first, "spam", "bob") + line(second, "") + line(gone, "ham")
    counts = {"labelled": 2, "skipped": 1, "before": 0, "unknown": 1}
    assert bentos(tmp_path, "label", rows=rows) == ([counts], "")
    kept = [(one.caller_id, one.input, one.label, one.reason) async for one in store.corrections()]
    assert kept == [("ann", "one 🎁", "ham", THRESHOLD), ("bob", "one 🎁", "spam", THRESHOLD)]
    again = line(first, "spam", "bob") + line(second, "") + line(first, "", "cid")
    assert bentos(tmp_path, "label", rows=again)[0] == [{"labelled": 0, "skipped": 0, "before": 3, "unknown": 0}]
    rows, _ = bentos(tmp_path, "export", "review")
    assert [(row["text"], row["state"], row["answer"], row["reviewer"]) for row in rows] == [
        ("three", "waiting", "", ""),
        ("two", SKIPPED, "", "ann"),
        ("one 🎁", LABELLED, "spam", "bob"),
    ]
    answered = {"version": "1-abcdef01", "label": "spam", "probability": 0.75, "reason": THRESHOLD}
    assert answered.items() <= rows[0].items() and "10.0.0.1" not in rows[0].values()


async def test_the_same_file_again_changes_nothing_where_two_people_answered_one_question(store, tmp_path):
    first, same_text, other = questions = [a_question("one"), a_question("one"), a_question("two")]
    await store.ask(questions)
    rows = line(first, "ham") + line(same_text, "ham") + line(first, "spam", "bob") + line(other, "")
    counts = {"labelled": 3, "skipped": 1, "before": 1, "unknown": 0}
    assert bentos(tmp_path, "label", rows=rows + line(other, "", "bob"))[0] == [counts]
    decided = [await store.question(one.id) for one in questions]
    assert [one.state for one in decided] == [LABELLED, LABELLED, SKIPPED]
    kept = [one async for one in store.corrections()]
    counts = {"labelled": 0, "skipped": 0, "before": 5, "unknown": 0}
    assert bentos(tmp_path, "label", rows=rows + line(other, "", "bob"))[0] == [counts]
    assert [await store.question(one.id) for one in questions] == decided
    assert [one async for one in store.corrections()] == kept


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{", "a line is no label: JSONDecodeError"),
        ('{"id": "17", "label": "ham", "reviewer": "ann"}', "a line is no label: ValueError"),
        ('{"id": 17, "label": "ham", "reviewer": "ann"}', "a line is no label: AttributeError"),
        ('{"label": "ham", "reviewer": "ann"}', "a line is no label: KeyError"),
        ('{"id": "%s", "label": "eggs", "reviewer": "ann"}', "'eggs' is no label of a version; there are: ham, spam"),
        ('{"id": "%s", "label": 1, "reviewer": "ann"}', "its label or reviewer no text"),
        ('{"id": "%s", "label": "ham", "reviewer": ""}', "a reviewer has no name"),
    ],
)
async def test_a_line_that_cannot_be_used_stores_nothing(store, tmp_path, bad, why):
    (tmp_path / "versions" / "copy").mkdir(parents=True)
    (tmp_path / "versions" / "copy" / "metadata.json").write_text('{"labels": ["ham", "spam"]}')
    question = a_question("one")
    await store.ask([question])
    _, errors = bentos(tmp_path, "label", rows=line(question, "ham") + bad.replace("%s", str(question.id)), expect=1)
    assert why in errors and "Traceback" not in errors
    assert await store.question(question.id) == question
