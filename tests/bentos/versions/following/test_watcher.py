"""A worker takes up what the follower wrote."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.following import follower_state, watcher
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.following.last_served import LastServed
from bentos.versions.following.watcher import StateWatcher, load_first
from bentos.versions.loaded import CurrentVersions
from registry.route import Routing
from registry.versions import Version
from tests.toy import write_toy

pytestmark = pytest.mark.anyio


@pytest.fixture
def entries(tmp_path):
    """Two versions, 1 with the alias champion."""
    rows = []
    for number, bias, aliases in (("2", -4.0, ()), ("1", -1.0, ("champion",))):
        digest = write_toy(tmp_path / number, bias)
        version = Version(number, aliases, digest, "toy", datetime(2030, 1, 1, tzinfo=UTC), {})
        rows.append(Entry(version, str(tmp_path / number)))
    return rows


@pytest.fixture
def folder(tmp_path, entries):
    folder = tmp_path / "shared"
    folder.mkdir()
    write_state(folder, entries)
    return folder


def write_state(folder, entries, **more):
    FollowerState(Catalogue(tuple(entries), **more), datetime.now(UTC)).write(folder)


@pytest.fixture
def last_served(tmp_path):
    return LastServed(tmp_path / "copies" / "served.json")


@pytest.fixture
async def watching(folder, last_served, monkeypatch):
    """The current versions, and the replacements that were announced, under a running watcher."""
    monkeypatch.setattr(watcher, "LOOK_EVERY", 0.005)
    served, first = load_first(folder, last_served)
    current, replaced = CurrentVersions(served), []
    watch = StateWatcher(
        folder, last_served, 5.0, first, current, lambda before, after: replaced.append((before, after))
    )
    task = asyncio.create_task(watch.run())
    yield watch, current, replaced
    task.cancel()


async def until(done):
    async with asyncio.timeout(20):
        while not done():
            await asyncio.sleep(0.002)


async def test_a_new_state_replaces_the_snapshot_as_a_whole(watching, folder, entries):
    _, current, replaced = watching
    before = current.served
    promoted = Version("2", ("champion",), entries[0].version.digest, "toy", entries[0].version.created_at, {})
    write_state(folder, [Entry(promoted, entries[0].folder)], routing=Routing(shadow="champion"))
    await until(lambda: current.served is not before)
    assert current.served.default.number == "2" and before.default.number == "1"
    assert current.served.routing.shadow == "champion"
    assert replaced == [(before, current.served)]
    assert current.served.default.model is before.by_ref["2"].model, "it was in memory"


async def test_the_same_catalogue_again_replaces_nothing(watching, folder, entries):
    watch, current, replaced = watching
    before, first = current.served, watch.state
    write_state(folder, entries)
    await until(lambda: watch.state is not first)
    assert current.served is before and replaced == []


async def test_a_damaged_state_leaves_what_is_served_and_the_next_one_counts(watching, folder, entries, caplog):
    _, current, replaced = watching
    (folder / follower_state.FILE).write_text("{")
    await until(lambda: "not taken up" in caplog.text)
    assert current.served.default.number == "1"
    write_state(folder, entries[1:])
    await until(lambda: replaced)
    assert [version.number for version in current.served.versions] == ["1"]


async def test_a_registry_that_cannot_be_read_is_said_and_what_is_loaded_goes_on(watching, folder, entries):
    watch, current, _ = watching
    assert watch.why_stale == ""
    FollowerState(Catalogue(tuple(entries)), datetime.now(UTC), "it is away").write(folder)
    await until(lambda: watch.why_stale)
    assert watch.why_stale == "it is away" and current.served.default.number == "1"


async def test_a_follower_that_writes_no_more_is_noticed(watching, folder, entries):
    watch, _, _ = watching
    FollowerState(Catalogue(tuple(entries)), datetime.now(UTC) - timedelta(minutes=1)).write(folder)
    await until(lambda: watch.why_stale)
    assert "does not answer" in watch.why_stale


def test_a_new_worker_starts_with_what_the_others_hold(folder, entries, last_served):
    load_first(folder, last_served)
    broken = Version("3", ("champion",), "0" * 64, "toy", datetime.now(UTC), {}, problem="it is away")
    write_state(folder, [Entry(broken), entries[0]])
    for _ in range(2):  # the first worker, and one that starts later
        served, _ = load_first(folder, last_served)
        assert served.default.number == "1" and [refused.number for refused in served.refused] == ["3"]
    assert [entry.version.number for entry in last_served.read().catalogue.entries] == ["2", "1"]


def test_what_was_served_last_is_served_again_while_the_registry_is_away(folder, entries, last_served):
    write_state(folder, entries, routing=Routing({"2": 10.0}))
    load_first(folder, last_served)
    read_at = last_served.read().read_at
    FollowerState(problem="it is away").write(folder)
    served, first = load_first(folder, last_served)
    assert served.default.number == "1" and served.routing == Routing({"2": 10.0})
    assert (first.problem, first.read_at) == ("it is away", read_at) and read_at is not None


async def test_a_registry_that_stays_away_leaves_what_was_served_last_and_one_that_is_back_counts(
    folder, entries, last_served, monkeypatch
):
    monkeypatch.setattr(watcher, "LOOK_EVERY", 0.005)
    load_first(folder, last_served)
    FollowerState(problem="it is away").write(folder)
    served, first = load_first(folder, last_served)
    current = CurrentVersions(served)
    watch = StateWatcher(folder, last_served, 5.0, first, current, lambda before, after: None)
    task = asyncio.create_task(watch.run())
    FollowerState(problem="it is still away").write(folder)
    await until(lambda: watch.why_stale == "it is still away")
    assert current.served is served
    write_state(folder, entries[1:])
    await until(lambda: current.served is not served)
    assert watch.why_stale == "" and [version.number for version in current.served.versions] == ["1"]
    task.cancel()


@pytest.mark.parametrize("damaged", ["{", '{"catalogue": {"entries": [1]}}', "[]"])
def test_a_damaged_record_is_as_none(folder, last_served, damaged, caplog):
    last_served.folder.mkdir()
    last_served.file.write_text(damaged)
    served, _ = load_first(folder, last_served)
    assert served.default.number == "1" and "cannot be read" in caplog.text
    assert last_served.read().catalogue is not None, "it is written anew"


def test_a_record_that_cannot_be_written_is_said_and_the_worker_starts(folder, last_served, caplog):
    last_served.folder.write_text("no folder")
    served, _ = load_first(folder, last_served)
    assert served.default.number == "1" and "cannot be recorded" in caplog.text


def test_without_a_state_the_worker_starts_and_says_why_it_serves_nothing(tmp_path, last_served, monkeypatch):
    monkeypatch.setattr(watcher, "READ_TIMEOUT", 0.0)
    served, first = load_first(tmp_path, last_served)
    assert served.versions == () and "cannot be read" in served.why_no_champion and first.catalogue is None
