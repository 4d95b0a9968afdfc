"""What callers ask is compared with what a version was trained on."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bentos import timeuuid
from bentos.store import Call
from bentos.store.sqlite import SQLiteStore
from registry.drift import ENOUGH, psi, word
from registry.reference import shape
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry

ROOT = Path(__file__).parents[2]
HAM, SPAM = ("ham", "see you at home later"), ("spam", "win a prize, call now " * 7)
TRAINED = [HAM] * 870 + [SPAM] * 130


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Version 1, the champion, knows its training set; version 2, the challenger, does not."""
    registry = Registry(MODEL_NAME, make_registry(tmp_path_factory.mktemp("registry")))
    details = registry.folder(registry.resolve("1")) / "evaluation" / "details.json"
    details.write_text(json.dumps({"training": vars(shape(TRAINED))}))
    return registry


def at(ago: timedelta):
    """A row's identity as of some time ago."""
    return timeuuid.first(datetime.now(UTC) - ago)


def calls(key: str, rows, ago: timedelta = timedelta()) -> list[Call]:
    """One row each of (label, text), each of a caller of its own."""
    return [Call(f"10.0.0.{i}", at(ago), text, key, label, False) for i, (label, text) in enumerate(rows)]


def log(path: Path, rows: list[Call]) -> None:
    async def write() -> None:
        store = await SQLiteStore.open(path)
        await store.log(rows)
        await store.close()

    asyncio.run(write())


def cli(registry, folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess:
    where = {"MLFLOW_TRACKING_URI": registry.tracking_uri, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "registry", "drift", *words]
    return subprocess.run(command, cwd=folder, env=where | settings, capture_output=True, text=True)


def told(registry, folder: Path, *words: str, **settings: str) -> dict[str, dict]:
    done = cli(registry, folder, "--json", *words, **settings)
    assert done.returncode == 0, done.stderr
    return {row["version"]: row for row in json.loads(done.stdout)}


def test_the_index_is_the_published_sum_and_says_what_it_means():
    assert psi([50, 50], [50, 50]) == 0
    assert psi([50, 50], [10, 90]) == pytest.approx(0.4 * 1.6094379 + 0.4 * 0.5877867)  # (p - q) ln(p / q), twice
    assert psi([1_000, 0], [500, 500]) < 10, "a bin that was empty in training is not without end"
    assert [word(index) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25, 7.0)] == [
        *["stable"] * 2,
        *["shifting"] * 2,
        *["drifted"] * 2,
    ]


def test_each_version_is_compared_with_its_own_training_set(registry, tmp_path):
    champion, challenger = (registry.resolve(ref).key for ref in "12")
    recent = calls(champion, ([HAM] * 87 + [SPAM] * 13) * 3)
    log(tmp_path / "spam.db", recent + calls(champion, [SPAM] * 900, timedelta(hours=30)) + calls(challenger, [HAM]))
    found = told(registry, tmp_path)
    assert found["1"] == {
        "version": "1",
        "aliases": ["champion"],
        "calls": 300,
        "labels": pytest.approx(0, abs=1e-9),
        "lengths": pytest.approx(0, abs=1e-9),
        "verdict": "stable",
    }
    assert found["2"]["calls"] == 1 and found["2"]["labels"] is None and "training set" in found["2"]["verdict"]
    longer = told(registry, tmp_path, "--hours", "48")["1"]
    assert longer["calls"] == 1_200 and longer["labels"] > 0.25 and longer["verdict"] == "drifted"
    printed = cli(registry, tmp_path).stdout
    assert "champion" in printed and "stable" in printed


def test_too_few_calls_give_no_number(registry, tmp_path):
    log(tmp_path / "spam.db", calls(registry.resolve("1").key, [SPAM] * (ENOUGH - 1)))
    few = told(registry, tmp_path)["1"]
    assert (few["calls"], few["labels"], few["lengths"]) == (ENOUGH - 1, None, None) and "too few" in few["verdict"]


def test_what_cannot_be_read_or_asked_ends_in_a_sentence(registry, tmp_path):
    done = cli(registry, tmp_path, SQLITE_PATH="missing.db")
    assert done.returncode == 1 and "missing.db" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "missing.db").exists()
    assert cli(registry, tmp_path, "--hours", "-1").returncode == 2


def test_the_log_in_cassandra_is_read_whole(registry, cassandra_node, keyspace, tmp_path):
    from bentos.store.cassandra import CassandraStore
    from bentos.store.schema import migrate
    from tests.cassandra.client import PATIENT, settings_for

    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)
    migrate(settings)
    key = registry.resolve("1").key
    rows = calls(key, [SPAM] * 250) + calls(key, [HAM] * 250, timedelta(hours=2)) + calls(key, [HAM], timedelta(days=2))

    async def write() -> None:
        store = await asyncio.to_thread(CassandraStore.open, settings)
        await store.log(rows)
        await store.close()

    asyncio.run(write())
    named = ("cassandra_contact_points", "cassandra_port", "cassandra_keyspace")
    found = told(registry, tmp_path, **{name.upper(): str(getattr(settings, name)) for name in named})["1"]
    assert found["calls"] == 500 and found["verdict"] == "drifted"
    assert found["labels"] == pytest.approx(psi([870, 130], [250, 250]))
