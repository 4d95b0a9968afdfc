import asyncio
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bentos.settings import Settings
from bentos.store import Call, Correction, StoreError, timeuuid
from bentos.store.sqlite import store as sqlite_store
from bentos.store.sqlite.scan import scan_calls
from bentos.store.sqlite.schema import create_tables
from bentos.store.sqlite.statements import PAGE
from bentos.store.sqlite.store import SQLiteStore
from tests.bentos.store.sqlite.older import OlderStore

pytestmark = pytest.mark.anyio

SPAM = {"ham": 0.001679, "spam": 0.998321}


def a_call(text="hi", caller="1.2.3.4", at: UUID | None = None) -> Call:
    return Call(caller, at or timeuuid.now(), text, "1-abcdef01", "ham", False)


def _set_version(path, version: int) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE spam_schema SET version = ?", (version,))


async def logged(store, call: Call) -> list[Call]:
    return [found async for found in store.calls(call.caller_id, timeuuid.hour(call.called_at))]


async def test_what_is_put_is_found_again_by_version_and_text(store):
    await store.put("1-aa", {"free 🎁": SPAM, "x" * 10_000: {"ham": 1.0, "spam": 0.0}})
    assert await store.get("1-aa", ["free 🎁", "other"]) == {"free 🎁": SPAM}
    assert await store.get("1-aa", ["x" * 10_000]) == {"x" * 10_000: {"ham": 1.0, "spam": 0.0}}
    assert await store.get("2-bb", ["free 🎁"]) == {}


async def test_a_later_prediction_takes_the_place_of_an_earlier(store):
    await store.put("1-aa", {"free": {"ham": 0.5, "spam": 0.5}})
    await store.put("1-aa", {"free": SPAM})
    assert await store.get("1-aa", ["free"]) == {"free": SPAM}


async def test_a_thousand_texts_are_looked_up_at_once(store):
    texts = [f"text {i}" for i in range(1_000)]
    await store.put("1-aa", dict.fromkeys(texts, SPAM))
    assert list((await store.get("1-aa", texts)).values()) == [SPAM] * 1_000


async def test_a_slow_disk_has_threads_look_up(store, monkeypatch):
    in_threads, run = [], store._reader_threads.run
    monkeypatch.setattr(store._reader_threads, "run", lambda *call: in_threads.append(call) or run(*call))
    await store.put("v", {"a": {"ham": 1.0}})
    assert await store.get("v", ["a"]) == {"a": {"ham": 1.0}} and in_threads == []
    monkeypatch.setattr(sqlite_store, "SLOW", -1.0)
    assert [await store.get("v", ["a"]) for _ in range(3)] == [{"a": {"ham": 1.0}}] * 3 and len(in_threads) == 2
    monkeypatch.setattr(sqlite_store, "THREADS_FOR", 0.0)
    store._threads_until = 0.0
    assert [await store.get("v", ["a"]) for _ in range(2)] == [{"a": {"ham": 1.0}}] * 2 and len(in_threads) == 2


async def test_a_file_that_cannot_be_read_is_an_error(store):
    store._reading_at_once.close()
    assert await store.get("v", ["a"]) == {}
    for connection in (store._writing, *store._reading):
        connection.execute("DROP TABLE IF EXISTS spam_cache_items")
    with pytest.raises(StoreError, match="cannot read the SQLite file"):
        await store.get("v", ["a"])


async def test_a_damaged_row_reads_as_an_empty_prediction(store):
    await store.put("1-aa", {"free": SPAM})
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE spam_cache_items SET prediction_map = '{\"ham\": 0.'")
    assert await store.get("1-aa", ["free"]) == {"free": {}}


async def test_an_expired_prediction_is_not_given_and_is_deleted(tmp_path):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    await store.put("1-aa", {"free": SPAM})
    await store.close()
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE spam_cache_items SET stored_at = stored_at - 61")
    store = await SQLiteStore.open(tmp_path / "spam.db", cache_ttl=60)
    assert await store.get("1-aa", ["free"]) == {}
    await store.close()
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(*) FROM spam_cache_items").fetchone() == (0,)


async def test_calls_come_back_in_order_over_several_pages(store):
    calls = [a_call(f"text {i}") for i in range(2 * PAGE + 1)]
    await store.log(calls)
    hours = sorted({timeuuid.hour(call.called_at) for call in calls})  # two when the clock strikes meanwhile
    assert [call for hour in hours async for call in store.calls("1.2.3.4", hour)] == calls


async def test_a_caller_sees_no_other_caller_and_no_other_hour(store):
    mine, other = a_call("mine"), a_call("other", caller="1.2.3.40")
    await store.log([mine, other])
    assert [call.input for call in await logged(store, mine)] == ["mine"]
    earlier = timeuuid.hour(mine.called_at) - timedelta(hours=1)
    assert [call async for call in store.calls("1.2.3.4", earlier)] == []


async def test_a_call_logged_twice_is_stored_once(store):
    call = a_call()
    await store.log([call])
    await store.log([call])
    assert await logged(store, call) == [call]


async def test_old_calls_are_pruned_and_young_ones_kept(tmp_path):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    old = a_call("old", at=UUID("58e0a7d7-eebc-11d8-9669-0800200c9a66"))  # made in 2004
    young = a_call("young")
    await store.log([old, young])
    await store.close()
    store = await SQLiteStore.open(tmp_path / "spam.db", log_ttl=3600)
    await store.close()
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT input FROM spam_calls_per_caller").fetchall() == [("young",)]


async def test_concurrent_writes_all_arrive(store):
    calls = [a_call(f"text {i}") for i in range(300)]
    await asyncio.gather(*(store.log([call]) for call in calls))
    hours = sorted({timeuuid.hour(call.called_at) for call in calls})
    assert [call for hour in hours async for call in store.calls("1.2.3.4", hour)] == calls


async def test_several_processes_write_to_one_file(tmp_path):
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from bentos.store.sqlite.store import SQLiteStore; from bentos.store import Call, timeuuid\n"
        "async def main():\n"
        "    store = await SQLiteStore.open(Path(sys.argv[1]))\n"
        "    for i in range(50): await store.log([Call('c', timeuuid.now(), str(i), '1-a', 'ham', False)])\n"
        "    await store.close()\n"
        "asyncio.run(main())"
    )
    path = tmp_path / "spam.db"
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM spam_calls_per_caller").fetchone() == (150,)


async def test_a_file_locked_for_long_is_an_error_that_passes(store, monkeypatch):
    monkeypatch.setattr("bentos.store.sqlite.file.LOCK_TIMEOUT", 0.05)
    impatient = await SQLiteStore.open(store.path)
    with sqlite3.connect(store.path, isolation_level=None) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await impatient.log([a_call()])
        assert impatient.state()["up"] is False
        db.execute("ROLLBACK")
    await impatient.log([a_call()])
    assert impatient.state()["up"] is True
    await impatient.close()


async def test_a_disk_without_room_is_an_error_and_what_was_logged_stays(tmp_path):
    program = (
        "import asyncio, resource, signal, sys; from pathlib import Path\n"
        "from bentos.store.sqlite.store import SQLiteStore; from bentos.store import Call, StoreError\n"
        "from bentos.store import timeuuid\n"
        "async def main():\n"
        "    store = await SQLiteStore.open(Path(sys.argv[1]))\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "    logged = 0\n"
        "    try:\n"
        "        while True:\n"
        "            await store.log([Call('c', timeuuid.now(), 'x' * 5_000, '1-a', 'ham', False)])\n"
        "            logged += 1\n"
        "    except StoreError as error:\n"
        "        print(logged, error)\n"
        "    await store.close()\n"
        "asyncio.run(main())"
    )
    path = tmp_path / "spam.db"
    out = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True).stdout
    logged, _, message = out.partition(" ")
    assert message.startswith(f"cannot write the SQLite file {path}: ")
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM spam_calls_per_caller").fetchone() == (int(logged),)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b"not a database" * 100), "not a database"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE theirs (x)"), "another program's tables"),
        (lambda path: (create_tables(path), _set_version(path, 99)), "version 99"),
        (lambda path: path.mkdir(), "unable to open"),
    ],
)
async def test_a_file_that_is_not_the_stores_is_refused(tmp_path, make, why):
    path = tmp_path / "spam.db"
    make(path)
    with pytest.raises(StoreError, match=why) as error:
        await SQLiteStore.open(path)
    assert str(path) in str(error.value)


async def test_a_file_of_an_older_release_is_upgraded_and_keeps_its_rows(tmp_path):
    path, call, answered = tmp_path / "spam.db", a_call(), replace(a_call(), probability=0.75, alias="canary")
    earlier, later = (
        Correction("1.2.3.4", timeuuid.now(), text, label) for text, label in (("HI  u", "ham"), ("HI u", "spam"))
    )
    older = OlderStore(path)
    older.log(call)
    for correction in (later, earlier):
        older.correct(correction)
    older.close()
    store = await SQLiteStore.open(path)
    await store.log([answered])
    assert await logged(store, call) == [call, answered]
    assert {found async for found in store.corrections()} == {earlier, later}
    assert await store.corrected("1.2.3.4", ["HI u", "other"]) == {"HI u": "spam"}, "the latest"
    await store.close()


async def test_an_older_release_and_this_one_share_a_file_and_nothing_is_lost(tmp_path):
    """One that runs while the tables are upgraded, and one that is started afterwards."""
    path = tmp_path / "spam.db"
    running = OlderStore(path)
    running.log(first := a_call("before"))
    store = await SQLiteStore.open(path)
    started = OlderStore(path)
    for older, text in ((running, "running"), (started, "started")):
        older.log(a_call(text))
        older.log(first)  # twice
        older.correct(Correction(text, timeuuid.now(), "win", "ham"))
        older.correct(Correction(text, timeuuid.now(), "win", "spam"))
    await store.log([replace(a_call("new"), probability=0.5)])
    await store.log([predicted := replace(a_call("new"), source="shadow")])
    await store.correct([Correction("new", timeuuid.now(), "win", "spam", "random")])
    texts = ["before", "running", "started", "new"]
    calls = [call for call in await logged(store, first) if call != predicted]
    assert [call.input for call in calls] == texts == running.texts(first) == started.texts(first)
    corrections = [(found.caller_id, found.input, found.label) async for found in store.corrections()]
    assert corrections == [(who, "win", "spam") for who in ("new", "running", "started")] == started.labels()
    old = a_call("old", at=timeuuid.first(datetime.now(UTC) - timedelta(hours=3)))
    await store.log([old])
    running.prune(int(timeuuid.moment(old.called_at).timestamp()) + 3600)
    assert await logged(store, old) == []
    assert [call.input for call in await logged(store, first)] == [*texts, "new"]
    for older in (running, started):
        older.close()
    await store.close()


async def test_a_migration_is_needed_to_export_from_an_older_file(tmp_path):
    OlderStore(tmp_path / "spam.db").close()
    with pytest.raises(StoreError, match="run `python -m bentos migrate`"):
        list(scan_calls(Settings(_env_file=None, sqlite_path=tmp_path / "spam.db"), datetime.now(UTC)))


async def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        await SQLiteStore.open(tmp_path / "nowhere" / "spam.db")


async def test_after_closing_all_is_in_one_file(tmp_path):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    await store.log([a_call()])
    await store.get("1-aa", ["x"])
    await store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["spam.db"]


async def test_the_hour_of_a_call_is_its_own(store):
    call = a_call()
    assert timeuuid.hour(call.called_at) <= timeuuid.moment(call.called_at) <= timeuuid.moment(timeuuid.now())
