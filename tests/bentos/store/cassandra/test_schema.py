"""The tables on a real node: made once, upgraded, and never harmed."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from bentos.store import Call, Correction, StoreError, timeuuid
from bentos.store.cassandra.schema import migrate
from tests.cassandra.client import PATIENT, a_call, logged, opened, session_of, settings_for

pytestmark = pytest.mark.anyio

SPAM = {"ham": 0.25, "spam": 0.75}
REPLICATED = "{'class': 'NetworkTopologyStrategy', 'replication_factor': 1}"
OLD_CACHE = """CREATE TABLE spam_cache_items (model_version text, input text, confidence float,
    prediction_map map<text, float>, result text, stored_at timeuuid, PRIMARY KEY ((model_version, input)))"""
OLD_LOG = """CREATE TABLE spam_calls_per_caller (caller_id text, called_hour timestamp, called_at timeuuid, input text,
    PRIMARY KEY ((caller_id, called_hour), called_at)) WITH CLUSTERING ORDER BY (called_at ASC)"""


@pytest.fixture
def settings(cassandra_node, keyspace, tmp_path):
    return settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)


@pytest.fixture
def created(settings):
    """The keyspace without tables."""
    with session_of(settings) as session:
        session.execute(f"CREATE KEYSPACE {settings.cassandra_keyspace} WITH replication = {REPLICATED}")
    return settings


async def test_a_first_migration_makes_what_the_store_needs_and_a_second_changes_nothing(settings):
    with pytest.raises(StoreError, match="run `python -m bentos migrate`"):
        async with opened(settings):
            pass
    assert [line.rsplit(" ", 1)[-1] for line in migrate(settings)[1:]] == ["created"] * 6
    async with opened(settings) as store:
        await store.put("1-aa", {"free": SPAM})
        assert await store.get("1-aa", ["free"]) == {"free": SPAM}
    assert all(line.endswith("is up to date") for line in migrate(settings))


async def test_migrations_at_once_make_one_set_of_tables(settings, tmp_path):
    program = "import sys; from bentos.settings import Settings; from bentos.store.cassandra.schema import migrate;"
    program += "migrate(Settings(_env_file=None, **eval(sys.argv[1])))"
    given = repr(
        {
            "cassandra_contact_points": settings.cassandra_contact_points,
            "cassandra_port": settings.cassandra_port,
            "cassandra_keyspace": settings.cassandra_keyspace,
        }
    )
    root = Path(__file__).parents[4]
    started = [subprocess.Popen([sys.executable, "-c", program, given], cwd=root) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0, 0, 0, 0]
    calls = [a_call(f"text {i}") for i in range(100)]
    async with opened(settings) as store, opened(settings) as other:
        await store.log(calls[:50])
        await other.log(calls[50:])
        assert await logged(store, calls) == calls


async def test_older_tables_are_upgraded_and_keep_their_rows(created):
    at = timeuuid.first(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
    with session_of(created) as session:
        session.execute(OLD_CACHE)
        session.execute(OLD_LOG)
        session.execute(
            "INSERT INTO spam_cache_items (model_version, input, prediction_map) VALUES ('1-aa', 'old', {'ham': 1.0})"
        )
        session.execute(
            "INSERT INTO spam_calls_per_caller (caller_id, called_hour, called_at, input)"
            " VALUES ('me', '2026-03-01 12:00:00Z', %s, 'old')",
            [at],
        )
    done = migrate(created)
    assert any(line.endswith("spam_feedback created") for line in done)
    assert {"whole_input", "model_version", "result", "from_cache"} <= set(" ".join(done).split())
    async with opened(created) as store:
        assert await store.get("1-aa", ["old"]) == {"old": {"ham": 1.0}}
        assert await store.call("me", at) == Call("me", at, "old", "", "", False)
        call = a_call()
        await store.log([call])
        assert await logged(store, [call]) == [call]
    with session_of(created) as session:
        assert session.execute("SELECT count(*) FROM spam_calls_per_caller").one()[0] == 2


async def test_an_older_release_and_this_one_share_the_tables_and_nothing_is_lost(settings):
    migrate(settings)
    calls = [a_call("older"), replace(a_call("new"), probability=0.75, alias="canary")]
    async with opened(settings) as store:
        with session_of(settings) as session:  # as the release without the newest columns writes and reads
            older, hour = calls[0], timeuuid.hour(calls[0].called_at)
            session.execute(
                "INSERT INTO spam_calls_per_caller (caller_id, called_hour, called_at, input, model_version, result,"
                " from_cache) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (older.caller_id, hour, older.called_at, older.input, older.model_version, older.result, False),
            )
            session.execute(
                "INSERT INTO spam_feedback (input_sha256, caller_id, corrected_at, input, label)"
                " VALUES (%s, 'ann', %s, 'Win  it', 'spam')",
                (sha256(b"Win  it").hexdigest(), timeuuid.now()),
            )
            await store.log(calls[1:])
            texts = session.execute("SELECT input FROM spam_calls_per_caller")
            assert sorted(text for (text,) in texts) == ["new", "older"]
        assert await logged(store, calls) == calls
        await store.correct([Correction("bob", timeuuid.now(), "hi", "ham", "random")])
        corrections = [(found.caller_id, found.label, found.reason) async for found in store.corrections()]
        assert sorted(corrections) == [("ann", "spam", ""), ("bob", "ham", "random")]
        migrate(settings)  # once no older service runs
        assert await store.corrected("ann", ["Win it"]) == {"Win it": "spam"}


async def test_a_log_in_descending_order_is_read_oldest_first(created):
    with session_of(created) as session:
        session.execute(OLD_LOG.replace("ASC", "DESC"))
    migrate(created)
    calls = [a_call(f"text {i}") for i in range(450)]
    async with opened(created) as store:
        await store.log(calls)
        assert await logged(store, calls) == calls


async def test_a_table_of_another_program_is_named_and_keeps_its_columns(created):
    with session_of(created) as session:
        session.execute("CREATE TABLE spam_calls_per_caller (id int PRIMARY KEY, note text)")
    migrate(created)
    with pytest.raises(StoreError, match=r"Undefined column name caller_id in table .*spam_calls_per_caller"):
        async with opened(created):
            pass
    with session_of(created) as session:
        assert session.execute("SELECT count(note) FROM spam_calls_per_caller").one()[0] == 0


def test_a_lifetime_changes_how_a_table_is_compacted(settings):
    migrate(settings)
    changed = migrate(settings.model_copy(update={"cache_ttl": 3600, "log_ttl": 0}))
    assert "TimeWindow" in changed[0]
    assert "SizeTiered" in changed[1]


def test_a_replication_that_makes_no_sense_is_an_error(settings):
    for nonsense in ("many", "dc1=", "=3"):
        with pytest.raises(StoreError, match="CASSANDRA_REPLICATION"):
            migrate(settings.model_copy(update={"cassandra_replication": nonsense}))
