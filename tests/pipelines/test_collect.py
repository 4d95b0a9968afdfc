"""From the service's store to a corpus file, by the command that a person runs; once as a process of its own."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from bentos.store import Call, Correction, timeuuid
from bentos.store.spool import CORRECTIONS, Spool
from bentos.store.sqlite.store import SQLiteStore
from pipelines.collect import main
from pipelines.data import corpus, corrections

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def output(tmp_path):
    return tmp_path / "feedback.csv"


async def send(folder, *corrections):
    store = await SQLiteStore.open(folder / "spam.db")
    await store.correct([Correction(caller, timeuuid.now(), text, label) for caller, text, label in corrections])
    await store.close()


@pytest.fixture
def collect(monkeypatch, capsys):
    """`python -m pipelines.collect --output OUTPUT` without a process of its own; what it said, both streams."""

    def run(folder, output, *words, expect=0, **settings):
        with monkeypatch.context() as patch:
            patch.chdir(ROOT)
            patch.setattr(sys, "argv", ["collect", "--output", str(output), *words])
            for name, value in {"SQLITE_PATH": str(folder / "spam.db"), **settings}.items():
                patch.setenv(name, value)
            status, error = 0, ""
            try:
                main()
            except SystemExit as end:  # Python prints a code that is a text, and exits with 1
                status, error = 1, end.code
        said = capsys.readouterr()
        assert status == expect, error
        return said.out + said.err + error

    return run


def rows_of(output):
    with open(output, newline="") as file:
        return [(row["text"], row["label"], row["source"], row["callers"]) for row in csv.DictReader(file)]


async def test_what_callers_agree_on_is_written_and_what_they_dispute_is_told(tmp_path, output, collect):
    agreed = [("a", 'hi, "mum"\n🎁', "spam"), ("b", 'hi, "mum"\n🎁', "spam"), ("a", "x" * 10_000, "ham")]
    await send(tmp_path, *agreed, *(("a", f"free {i}", "spam") for i in range(300)))
    await send(tmp_path, ("a", "odd one", "spam"), ("b", "odd one", "ham"), ("c", "odd one", "ham"))
    told = collect(tmp_path, output)
    assert "left out, ham by 2, spam by 1: 'odd one'" in told
    assert "302 texts (1 ham, 301 spam)" in told and "1 left out" in told
    rows = rows_of(output)
    assert len(rows) == 302 and "odd one" not in dict.fromkeys(text for text, *_ in rows)
    assert {('hi, "mum"\n🎁', "spam", "feedback", "2"), ("x" * 10_000, "ham", "feedback", "1")} < set(rows)
    read = corpus.read(output)
    assert read.broken == [] and sorted(read.rows["text"]) == sorted(text for text, *_ in rows)


async def test_every_text_that_the_service_takes_is_read_back_whole(tmp_path, output, collect):
    plain = ["two\nlines", 'say "hi", mum', '"', ",", "=1+1", "tab\there", "🎁 e\u2028f\x85g", "\ufefffirst", "#", "'"]
    control = {"a\rb": "a b", "a\r\nb": "a \nb", "\r\n\rc\r": "c", "nu\0l": "nu l", "\x1b[2Jred": "[2Jred"}
    await send(tmp_path, *(("a", text, "ham") for text in [*plain, *control]))
    collect(tmp_path, output)
    formulas = {"=1+1": "'=1+1", "'": "''"}
    in_cells = [formulas.get(text, text) for text in [*plain, *control.values()]]
    assert sorted(text for text, *_ in rows_of(output)) == sorted(in_cells)
    read = corrections.read(output)
    assert read.broken == [] and sorted(read.rows["text"]) == sorted([*plain, *control.values()])


async def test_what_turns_the_direction_of_writing_is_shown(tmp_path, output, collect):
    await send(tmp_path, ("a", "win \u202egnp.exe", "spam"))
    collect(tmp_path, output)
    with open(output, newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["text"], row["controls"]) == ("win \u202egnp.exe", "U+202E")


async def test_what_reviewers_said_has_the_reasons_for_asking_and_an_older_file_is_read(tmp_path, output, collect):
    output.write_text("text,label,source,corrected_at,callers,controls\nno,rejected,feedback,,1,\n")
    store = await SQLiteStore.open(tmp_path / "spam.db")
    said = [("ann", "win", "threshold"), ("bob", "win", "random"), ("10.0.0.1", "win", ""), ("10.0.0.1", "hi", "")]
    await store.correct([Correction(who, timeuuid.now(), text, "spam", reason) for who, text, reason in said])
    await store.close()
    collect(tmp_path, output)
    with open(output, newline="") as file:
        rows = [(row["text"], row["callers"], row["reason"]) for row in csv.DictReader(file)]
    assert rows == [("no", "1", ""), ("hi", "1", ""), ("win", "3", "random threshold")]
    assert len(corrections.read(output).rows) == 3


async def test_collecting_again_gives_the_same_bytes_and_a_later_word_replaces_an_earlier(tmp_path, output, collect):
    await send(tmp_path, ("a", "one", "spam"), ("a", "two", "ham"))
    collect(tmp_path, output)
    first = output.read_bytes()
    collect(tmp_path, output)
    assert output.read_bytes() == first
    await send(tmp_path, ("a", "one", "ham"))
    collect(tmp_path, output)
    assert [(text, label) for text, label, *_ in rows_of(output)] == [("one", "ham"), ("two", "ham")]


async def test_a_text_that_a_person_rejected_stays_rejected_whatever_callers_say(tmp_path, output, collect):
    await send(tmp_path, ("a", 'Free\r hugs, "mum"', "ham"), ("a", "two", "ham"))
    collect(tmp_path, output)
    text, *others = next(row for row in rows_of(output) if row[0].startswith("Free"))
    output.write_text(output.read_text().replace('"Free  hugs, ""mum""",ham', '"Free  hugs, ""mum""",rejected'))
    await send(tmp_path, ("b", text, "spam"), ("c", text.upper(), "spam"))
    told = collect(tmp_path, output)
    assert "1 texts (1 ham)" in told and "3 left out, which were rejected" in told
    assert sorted(rows_of(output)) == sorted([(text, "rejected", *others[1:]), ("two", "ham", "feedback", "1")])
    first = output.read_bytes()
    collect(tmp_path, output)
    assert output.read_bytes() == first


async def test_reviewers_labels_alone_join_the_rows_that_a_person_let_in(tmp_path, output, collect):
    output.write_text(
        "text,label,reason\nlet in,ham,\nrelabelled,ham,\ndisputed,ham,\nwithdrawn,spam,random\n'=refused,rejected,\n",
        encoding="utf-8",
    )
    reviewed = {"relabelled": "spam", "new": "ham", "disputed": "ham", "=refused": "spam"}
    store = await SQLiteStore.open(tmp_path / "spam.db")
    rows = [Correction("ann", timeuuid.now(), text, label, "threshold") for text, label in reviewed.items()]
    rows += [Correction("bob", timeuuid.now(), "new", "ham", "random")]
    rows += [Correction("bob", timeuuid.now(), "disputed", "spam", "random")]
    rows += [Correction("eve", timeuuid.now(), text, "spam") for text in ("let in", "new", "eve's own")]
    await store.correct(rows)
    await store.close()
    for _ in range(2):
        told = collect(tmp_path, output, "--reviewed")
        assert "2 texts (1 ham, 1 spam)" in told and "1 left out, whose label is disputed" in told
        with open(output, newline="") as file:
            found = [(row["text"], row["label"], row["reason"]) for row in csv.DictReader(file)]
        assert found[0] == ("'=refused", "rejected", "") and found[-1] == ("let in", "ham", "")
        assert sorted(found[1:-1]) == [("new", "ham", "random threshold"), ("relabelled", "spam", "threshold")]


async def test_what_waits_for_the_database_is_told(tmp_path, output, collect):
    spool = Spool(tmp_path / "spool.db")
    await spool.add([Correction("a", timeuuid.now(), text, "ham") for text in ("one", "two")], CORRECTIONS)
    await spool.add([Call("a", timeuuid.now(), "one", "1-a", "ham", False)])
    await spool.close()
    away = {"CASSANDRA_CONTACT_POINTS": "127.0.0.1", "CASSANDRA_PORT": "1", "SPOOL_PATH": str(tmp_path / "spool.db")}
    assert "collect: 2 corrections wait" in collect(tmp_path, output, expect=1, **away)


async def test_a_file_whose_rejections_cannot_be_read_is_not_replaced(tmp_path, output, collect):
    await send(tmp_path, ("a", "one", "ham"))
    output.write_bytes(b"text,label\n\xff,rejected\n")
    told = collect(tmp_path, output, expect=1)
    assert told.startswith("collect: ") and str(output) in told and len(told.splitlines()) == 1
    assert output.read_bytes() == b"text,label\n\xff,rejected\n"


async def test_without_feedback_there_is_nothing_to_do(tmp_path, output, collect):
    output.write_text("text,label\nkept,ham\n")
    assert "nothing" in collect(tmp_path, output)
    assert not (tmp_path / "spam.db").exists()
    await send(tmp_path)
    assert "nothing" in collect(tmp_path, output)
    assert output.read_text() == "text,label\nkept,ham\n"


async def test_what_fails_is_told_in_a_line_and_leaves_the_file_as_it_was(tmp_path, output, collect):
    output.write_text("text,label\nkept,ham\n")
    (tmp_path / "spam.db").write_text("not a database " * 100)
    for settings in ({}, {"CASSANDRA_CONTACT_POINTS": "127.0.0.1", "CASSANDRA_PORT": "1"}, {"CACHE_TTL": "soon"}):
        told = collect(tmp_path, output, expect=1, SPOOL_PATH=str(tmp_path / "spool.db"), **settings)
        assert told.startswith("collect: ") and len(told.splitlines()) == 1
    assert output.read_text() == "text,label\nkept,ham\n"
    assert {path.name for path in tmp_path.iterdir()} <= {"feedback.csv", "spam.db", "spool.db", "spool.db.lock"}


async def test_a_failure_of_the_command_as_a_process(tmp_path, output):
    output.write_bytes(b"text,label\n\xff,rejected\n")
    command = [sys.executable, "-m", "pipelines.collect", "--output", output]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("collect: ") and str(output) in done.stderr and len(done.stderr.splitlines()) == 1
