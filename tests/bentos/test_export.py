"""`python -m bentos export`: what other programs read from the store."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bentos.store import Call, Correction, timeuuid
from bentos.store.cassandra.schema import migrate
from bentos.store.spool import CORRECTIONS, Spool
from bentos.store.sqlite.store import SQLiteStore
from tests.bentos.command import bentos
from tests.cassandra.client import PATIENT, opened, settings_for

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
AWAY = {"CASSANDRA_CONTACT_POINTS": "127.0.0.1", "CASSANDRA_PORT": "1"}
LONG_AGO = "2004-01-01"


@pytest.fixture
async def store(tmp_path, anyio_backend):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    yield store
    await store.close()


def a_call(text: str, ago: timedelta = timedelta(), label: str = "ham") -> Call:
    return Call("10.0.0.1", timeuuid.first(datetime.now(UTC) - ago), text, "1-abcdef01", label, False)


async def test_calls_since_a_moment_have_version_label_and_length_and_no_text(store, tmp_path):
    hours = timedelta(hours=1)
    await store.log([a_call("see you 🎁"), a_call("win " * 100, 2 * hours, "spam"), a_call("old", 5 * hours)])
    common = {"version": "1-abcdef01", "probability": None, "alias": "", "source": "model", "from_cache": False}
    recent = {**common, "label": "ham", "characters": 9, "text_sha256": sha256("see you 🎁".encode()).hexdigest()}
    earlier = {**common, "label": "spam", "characters": 400, "text_sha256": sha256(b"win " * 100).hexdigest()}
    for zone in (UTC, None):
        since = (datetime.now(UTC) - 3 * hours).replace(tzinfo=zone).isoformat()
        rows, errors = bentos(tmp_path, "export", "calls", "--since", since)
        moments = [datetime.fromisoformat(row.pop("called_at")) for row in rows]
        assert max(moments) - min(moments) > hours
        assert sorted(rows, key=lambda row: row["characters"]) == [recent, earlier] and errors == ""
    assert len(bentos(tmp_path, "export", "calls", "--since", LONG_AGO)[0]) == 3


async def test_texts_since_a_moment_have_the_id_of_their_call(store, tmp_path):
    calls = [a_call("see you 🎁\u2028", label="ham"), a_call("old", timedelta(hours=5))]
    await store.log(calls)
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows, errors = bentos(tmp_path, "export", "texts", "--since", since)
    assert rows == [{"id": str(calls[0].called_at), "text": calls[0].input}] and errors == ""


async def test_corrections_of_one_text_follow_one_another(store, tmp_path):
    texts = ("one\r\ntwo 🎁\u2028", "hi", "x" * 10_000)
    sent = [Correction(caller, timeuuid.now(), text, "spam") for caller in "abc" for text in texts]
    await store.correct(sent)
    rows, errors = bentos(tmp_path, "export", "corrections")
    assert errors == ""
    keys = [(row["text"], row["caller"]) for row in rows]
    assert sorted(keys) == sorted((correction.input, correction.caller_id) for correction in sent)
    assert len([text for (text, _), (before, _) in zip(keys, [("", ""), *keys], strict=False) if text != before]) == 3
    moments = {(c.input, c.caller_id): timeuuid.moment(c.corrected_at) for c in sent}
    for row in rows:
        assert row["label"] == "spam" and len(row["corrected_at"]) == len("2026-03-01T12:00:00.000000+00:00")
        assert datetime.fromisoformat(row["corrected_at"]) == moments[row["text"], row["caller"]]


def peak_megabytes(folder: Path, *words: str) -> float:
    """The most memory that an export held."""
    environment = {**os.environ, "SQLITE_PATH": str(folder / "spam.db")}
    command = [sys.executable, "-m", "bentos", "export", *words]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_maxrss / 1024


async def test_memory_does_not_grow_with_the_rows(store, tmp_path):
    exports = (["calls", "--since", LONG_AGO], ["corrections"])
    few = [peak_megabytes(tmp_path, *words) for words in exports]
    for page in range(40):
        texts = [f"{page} {i} {'x' * 20_000}" for i in range(50)]
        await store.log([a_call(text) for text in texts])
        await store.correct([Correction("a", timeuuid.now(), text, "ham") for text in texts])
    many = [peak_megabytes(tmp_path, *words) for words in exports]
    assert all(after - before < 20 for before, after in zip(few, many, strict=True)), (few, many)  # 40 MB of texts


async def test_a_reader_that_goes_away_ends_the_export(store, tmp_path):
    await store.log([a_call(f"text {i}") for i in range(20_000)])
    command = [sys.executable, "-m", "bentos", "export", "calls", "--since", LONG_AGO]
    environment = {**os.environ, "SQLITE_PATH": str(tmp_path / "spam.db")}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 141


async def test_the_rows_in_cassandra_are_exported(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)
    migrate(settings)
    hours = timedelta(hours=1)
    sent = [Correction(caller, timeuuid.now(), f"text {i}", "ham") for i in range(120) for caller in "abc"]
    async with opened(settings) as store:
        await store.log([a_call(f"text {i}", i * hours) for i in range(10)])
        await store.correct(sent)
    names = ("cassandra_contact_points", "cassandra_port", "cassandra_keyspace")
    variables = {name.upper(): str(getattr(settings, name)) for name in names}
    since = (datetime.now(UTC) - 4.5 * hours).isoformat()
    calls, _ = bentos(tmp_path, "export", "calls", "--since", since, **variables)
    assert [(call["version"], call["label"], call["characters"]) for call in calls] == [("1-abcdef01", "ham", 6)] * 5
    assert {(call["probability"], call["source"]) for call in calls} == {(None, "model")}
    texts, _ = bentos(tmp_path, "export", "texts", "--since", since, **variables)
    assert sorted(row["text"] for row in texts) == [f"text {i}" for i in range(5)]
    rows, errors = bentos(tmp_path, "export", "corrections", **variables)
    assert errors == "" and len(rows) == len(sent)
    assert [len({row["text"] for row in rows[i : i + 3]}) for i in range(0, len(rows), 3)] == [1] * 120


async def test_rows_that_wait_for_the_database_are_a_notice(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    await spool.add([Correction("a", timeuuid.now(), text, "ham") for text in ("one", "two")], CORRECTIONS)
    await spool.add([a_call("one")])
    await spool.close()
    _, errors = bentos(tmp_path, "export", "corrections", expect=1, **AWAY)
    notice, error = errors.splitlines()
    assert notice.startswith("notice: 2 corrections wait") and str(tmp_path / "spool.db") in notice
    assert error.startswith("error: ") and "refuses connections" in error


async def test_without_a_file_there_are_no_corrections_and_no_log(tmp_path):
    rows, errors = bentos(tmp_path, "export", "corrections")
    assert rows == [] and errors.startswith("notice: ") and str(tmp_path / "spam.db") in errors
    rows, errors = bentos(tmp_path, "export", "calls", "--since", LONG_AGO, expect=1)
    assert rows == [] and errors.startswith("error: ") and str(tmp_path / "spam.db") in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{}, AWAY, {"CACHE_TTL": "soon"}])
@pytest.mark.parametrize("words", [["corrections"], ["calls", "--since", LONG_AGO]])
async def test_a_failure_is_one_sentence_and_exit_status_1(tmp_path, words, settings):
    (tmp_path / "spam.db").write_text("not a database " * 100)
    rows, errors = bentos(tmp_path, "export", *words, expect=1, **settings)
    assert rows == [] and errors.startswith("error: ") and len(errors.splitlines()) == 1


async def test_a_time_that_is_none_is_refused(tmp_path):
    assert "--since" in bentos(tmp_path, "export", "calls", "--since", "soon", expect=2)[1]
    assert "--since" in bentos(tmp_path, "export", "calls", expect=2)[1]
