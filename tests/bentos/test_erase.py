"""What is erased is found nowhere afterwards, and what is others' stays."""

import asyncio
import io
import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import uuid1

import pytest

from bentos import __main__ as bentos_command
from bentos.erase import REMAINS, erase
from bentos.settings import Settings
from bentos.store import Call, Correction, StoreError, Subject, timeuuid
from bentos.store.cassandra.schema import migrate
from bentos.store.questions import SKIPPED, Decision, Question
from bentos.store.spool import CORRECTIONS, DECISIONS, Spool, replay_lock
from bentos.store.sqlite.store import SQLiteStore
from tests.cassandra.client import PATIENT, opened, session_of, settings_for

pytestmark = pytest.mark.anyio

KEY = "1-abcdef01"
LONG = "a long secret " * 8_000  # its key in Cassandra's cache is a digest
SECRETS = ["my secret code is 4711", LONG]
CACHED = {"ham": 0.25, "spam": 0.75}
HOUR = timedelta(hours=1)


def call(caller: str, text: str, ago: timedelta = timedelta()) -> Call:
    return Call(caller, timeuuid.first(datetime.now(UTC) - ago), text, KEY, "ham", False, 0.25)


async def fill(store) -> None:
    """Of ann: calls of three hours with their predictions, a correction, and a reviewer's label; of bob: as many."""
    for caller in ("ann", "bob"):
        texts = [*(SECRETS if caller == "ann" else ["bob's own"]), "what both sent"]
        await store.log([call(caller, text, hours * HOUR) for text in texts for hours in range(3)])
        await store.put(KEY, dict.fromkeys(texts, CACHED))
        await store.correct([Correction(caller, timeuuid.now(), text, "spam") for text in texts])
        await store.correct([Correction("reviewer", timeuuid.now(), texts[0], "ham", "random")])
        questions = [Question(timeuuid.now(), caller, text, KEY, "ham", 0.25, "random") for text in texts]
        await store.ask(questions)
    await store.decide([Decision(questions[0].id, "ann", timeuuid.now(), texts[0], "random", "skipped")])


async def kept(store) -> tuple[set[str], set[tuple[str, str]]]:
    """The texts of ann's calls, and (caller, text) of all corrections."""
    hours = [timeuuid.hour(timeuuid.first(datetime.now(UTC) - ago * HOUR)) for ago in range(4)]
    texts = {row.input for hour in hours async for row in store.calls("ann", hour)}
    return texts, {(row.caller_id, row.input) async for row in store.corrections()}


async def asked(store) -> set[tuple[str, str, str]]:
    """Caller, text and reviewer of all questions."""
    return {(row.caller_id, row.input, row.reviewer) async for row in store.questions(datetime.now(UTC) - HOUR)}


@pytest.fixture
def sqlite_settings(tmp_path):
    return Settings(_env_file=None, sqlite_path=tmp_path / "spam.db", spool_path=tmp_path / "spool.db")


@pytest.fixture
def cassandra_settings(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)
    migrate(settings)
    return settings.model_copy(update={"mlflow_tracking_uri": f"sqlite:///{tmp_path / 'mlflow.db'}"})


@pytest.fixture(params=["sqlite", "cassandra"])
async def filled(request, anyio_backend):
    """The settings of a store, and the store."""
    settings = request.getfixturevalue(f"{request.param}_settings")
    if request.param == "sqlite":
        store = await SQLiteStore.open(settings.sqlite_path)
        await fill(store)
        yield settings, store
        await store.close()
    else:
        async with opened(settings) as store:
            await fill(store)
            yield settings, store


async def test_nothing_of_a_caller_is_found_afterwards(filled):
    settings, store = filled
    counts = await asyncio.to_thread(erase, settings, Subject("ann"))
    assert (counts["log"], counts["cache"], counts["feedback"], counts["review"]) == (9, 3, 4, 3)
    assert await asked(store) == {("bob", "bob's own", ""), ("bob", "what both sent", "")}
    texts, corrections = await kept(store)
    assert texts == set()
    assert corrections == {("bob", "bob's own"), ("bob", "what both sent"), ("reviewer", "bob's own")}
    assert await store.get(KEY, [*SECRETS, "what both sent"]) == {}, "predicted anew where bob asks again"
    assert await store.get(KEY, ["bob's own"]) == {"bob's own": CACHED}
    assert not await store.corrects("ann") and await store.corrects("bob")
    assert set((await asyncio.to_thread(erase, settings, Subject("ann"))).values()) == {0}


async def test_nothing_of_a_text_is_found_afterwards(filled):
    settings, store = filled
    for text, feedback in (("what both sent", 2), (LONG, 1)):
        counts = await asyncio.to_thread(erase, settings, Subject(text=text))
        assert counts["cache"] == 1 and counts["feedback"] == feedback
        assert counts["log"] == (6 if text == "what both sent" else 3)
        assert counts["review"] == (2 if text == "what both sent" else 1)
    assert await asked(store) == {("ann", SECRETS[0], ""), ("bob", "bob's own", "ann")}
    texts, corrections = await kept(store)
    assert texts == {SECRETS[0]}
    assert corrections == {
        ("ann", SECRETS[0]),
        ("bob", "bob's own"),
        ("reviewer", SECRETS[0]),
        ("reviewer", "bob's own"),
    }
    assert set(await store.get(KEY, [*SECRETS, "what both sent", "bob's own"])) == {SECRETS[0], "bob's own"}
    assert await store.corrected("ann", [LONG]) == {}


async def test_the_bytes_are_gone_from_the_file(sqlite_settings, anyio_backend):
    store = await SQLiteStore.open(sqlite_settings.sqlite_path)
    await fill(store)
    await store.close()
    await asyncio.to_thread(erase, sqlite_settings, Subject("ann"))
    files = list(sqlite_settings.sqlite_path.parent.glob("spam.db*"))
    content = b"".join(file.read_bytes() for file in files)
    assert b"secret" not in content and b"bob's own" in content


async def test_on_cassandra_only_the_callers_own_hours_are_read_and_nothing_is_left(cassandra_settings, anyio_backend):
    async with opened(cassandra_settings) as store:
        await fill(store)
    with session_of(cassandra_settings) as session:
        hours = set(session.execute("SELECT caller_id, called_hour FROM spam_caller_hours"))
        assert {caller for caller, _ in hours} == {"ann", "bob"}
        # a call in an hour that is not known to be ann's would be found by a scan alone
        session.execute("DELETE FROM spam_caller_hours WHERE caller_id = 'ann' AND called_hour = %s", [min(hours)[1]])
        counts = await asyncio.to_thread(erase, cassandra_settings, Subject("ann"))
        assert counts["log"] == 6
        migrate(cassandra_settings)  # finds the hours that nobody has noted
        assert (await asyncio.to_thread(erase, cassandra_settings, Subject("ann")))["log"] == 3
        for table, column in (
            ("spam_calls_per_caller", "caller_id"),
            ("spam_caller_hours", "caller_id"),
            ("spam_feedback", "caller_id"),
            ("spam_corrected", "caller_id"),
        ):
            rows = session.execute(f"SELECT {column} FROM {table}")
            assert "ann" not in {row[0] for row in rows}, table


async def test_rows_that_wait_are_erased_and_none_is_moved_meanwhile(cassandra_settings, monkeypatch, anyio_backend):
    spool = Spool(cassandra_settings.spool_path)
    await spool.add([call("ann", SECRETS[0]), call("bob", "bob's own"), call("ann", LONG)])
    await spool.add([Correction("ann", timeuuid.now(), LONG, "spam")], CORRECTIONS)
    assert (await asyncio.to_thread(erase, cassandra_settings, Subject("ann")))["spool"] == 3
    assert [row.input for row in (await spool.oldest(10))[0]] == ["bob's own"]
    await spool.add([Decision(uuid1(), "bea", timeuuid.now(), "whose is it?", "random", SKIPPED)], DECISIONS)
    with pytest.raises(StoreError, match="decisions of reviewers wait"):
        await asyncio.to_thread(erase, cassandra_settings, Subject("ann"))
    await spool.close()
    monkeypatch.setattr("bentos.erase.LOCK_TIMEOUT", 0.2)
    with replay_lock(cassandra_settings.spool_path) as locked, pytest.raises(StoreError, match="try again"):
        assert locked
        await asyncio.to_thread(erase, cassandra_settings, Subject("ann"))


async def test_corrections_are_kept_as_long_as_the_setting_says(tmp_path):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    await store.correct(
        [Correction("ann", timeuuid.first(datetime.now(UTC) - HOUR * n), str(n), "ham") for n in (1, 3)]
    )
    await store.close()
    store = await SQLiteStore.open(tmp_path / "spam.db", feedback_ttl=7200)
    async with asyncio.timeout(20):
        while len(left := [row.input async for row in store.corrections()]) > 1:
            await asyncio.sleep(0.01)
    assert left == ["1"]
    await store.close()


def test_the_command_says_what_went_and_what_it_cannot_reach(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SQLITE_PATH", str(tmp_path / "spam.db"))
    monkeypatch.setenv("BENTOS_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["bentos", "erase", "--caller", "ann"])
    with pytest.raises(SystemExit, match=r"there is no SQLite file at .*SQLITE_PATH names it"):
        bentos_command.main()

    async def fill_file():
        store = await SQLiteStore.open(tmp_path / "spam.db")
        await fill(store)
        await store.close()

    asyncio.run(fill_file())
    bentos_command.main()
    printed = capsys.readouterr().out
    assert "log             9 rows erased" in printed and all(line in printed for line in REMAINS)
    assert "secret" not in printed
    with sqlite3.connect(tmp_path / "spam.db") as db:
        assert db.execute("SELECT count(*) FROM spam_calls WHERE caller_id = 'ann'").fetchone() == (0,)


def test_an_empty_standard_input_is_no_text(monkeypatch):
    monkeypatch.setattr("sys.argv", ["bentos", "erase", "--text", "-"])
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit, match="standard input is empty"):
        bentos_command.main()


@pytest.mark.parametrize("words", [[], ["--caller", ""], ["--caller", "a", "--text", "b"]])
def test_a_command_that_names_nobody_or_two_changes_nothing(monkeypatch, words):
    monkeypatch.setattr("sys.argv", ["bentos", "erase", *words])
    with pytest.raises(SystemExit) as ended:
        bentos_command.main()
    assert ended.value.code == 2
