"""From the review queue to Label Studio and back, by the commands that a person runs."""

import json
import sys
from pathlib import Path

import pytest

from bentos.store import timeuuid
from bentos.store.questions import RANDOM, THRESHOLD, Decision, Question
from bentos.store.sqlite.store import SQLiteStore
from pipelines.review import main

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def store(tmp_path, anyio_backend):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    yield store
    await store.close()


@pytest.fixture
def review(monkeypatch, capsys, tmp_path):
    """`python -m pipelines.review ARGUMENTS` without a process of its own; what it said."""

    def run(*arguments, expect=0):
        with monkeypatch.context() as patch:
            patch.chdir(ROOT)
            patch.setattr(sys, "argv", ["review", *map(str, arguments)])
            patch.setenv("SQLITE_PATH", str(tmp_path / "spam.db"))
            patch.setenv("VERSIONS_PATH", str(tmp_path / "versions"))
            status, error = 0, ""
            try:
                main()
            except SystemExit as end:
                status, error = 1, end.code
        said = capsys.readouterr()
        assert status == expect, error
        return said.out + said.err + error

    return run


def a_question(text: str, reason: str = RANDOM) -> Question:
    return Question(timeuuid.now(), "10.0.0.1", text, "1-abcdef01", "spam", 0.75, reason)


def annotated(task, *choices, **others):
    """The task as Label Studio exports it, with one annotation for each list of choices."""
    made = [
        {
            "id": 1_000 + place,
            "completed_by": 7 + place,
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": 4.2,
            "result": [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": chosen}}],
        }
        | others
        for place, chosen in enumerate(choices)
    ]
    return {"id": 17, "project": 3, **task, "annotations": made}


async def test_a_round_trip(store, tmp_path, review):
    first, second, third, done = (
        a_question("one 🎁"),
        a_question("two", THRESHOLD),
        a_question("three"),
        a_question("done"),
    )
    await store.ask([first, second, third, done])
    await store.decide([Decision(done.id, "ann", timeuuid.now(), "done", RANDOM, "skipped")])
    file = tmp_path / "tasks.json"
    assert review("export", file) == f"review: 3 tasks in {file}\n"
    tasks = json.loads(file.read_text())
    choice = {"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["spam"]}}
    assert tasks[1] == {
        "data": {
            "text": "two",
            "question": str(second.id),
            "reason": THRESHOLD,
            "called_at": timeuuid.moment(second.id).isoformat(timespec="microseconds"),
        },
        "predictions": [{"model_version": "1-abcdef01", "score": 0.75, "result": [choice]}],
    }
    three, two, one = tasks
    by_dict = annotated(three, ["spam"], completed_by={"id": 9, "email": "ann@example.org"})
    back = [annotated(one, ["ham"], ["spam"]), annotated(two, ["ham"], was_cancelled=True), by_dict]
    file.write_text(json.dumps(back))
    assert review("import", file) == "review: 3 labels stored, 1 questions skipped\n"
    kept = [(found.caller_id, found.input, found.label, found.reason) async for found in store.corrections()]
    assert kept == [
        ("label-studio-7", "one 🎁", "ham", RANDOM),
        ("label-studio-8", "one 🎁", "spam", RANDOM),
        ("label-studio-9", "three", "spam", RANDOM),
    ]
    assert (await store.question(second.id)).state == "skipped"
    assert review("export", file, "--blind") == f"review: 0 tasks in {file}\n"


async def test_the_answer_can_be_left_out(store, tmp_path, review):
    await store.ask([a_question("one")])
    review("export", tmp_path / "tasks.json", "--blind")
    (task,) = json.loads((tmp_path / "tasks.json").read_text())
    assert set(task) == {"data"} and "spam" not in json.dumps(task)


TASK = {"data": {"text": "one", "question": "8f1c7a52-e772-11f1-9b1d-5d2f7c40a913"}}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "is no JSON"),
        ("{}", "is no list of tasks"),
        (json.dumps([annotated(TASK, ["ham"]), {"data": {"text": "one"}}]), "task 2 is none that `export` wrote"),
        (json.dumps([annotated(TASK, ["ham", "spam"])]), "an annotation needs one choice of `label`"),
        (json.dumps([annotated({"data": TASK["data"] | {"question": "17"}}, ["ham"])]), "a line is no label"),
    ],
)
async def test_a_file_that_cannot_be_used_changes_nothing(store, tmp_path, review, content, why):
    (tmp_path / "tasks.json").write_text(content)
    assert why in review("import", tmp_path / "tasks.json", expect=1)
    assert "a reviewer's name is" in review("import", tmp_path / "tasks.json", "--reviewer", "10.0.0.1", expect=1)
    assert [found async for found in store.corrections()] == []
