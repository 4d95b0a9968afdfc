"""What callers ask is compared with what a version was trained on."""

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bentos.store import Call, timeuuid
from bentos.store.sqlite.store import SQLiteStore
from registry.__main__ import main
from registry.drift import ENOUGH, psi, word
from registry.model.profile import profile_of
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry

HAM, SPAM = ("ham", "see you at home later"), ("spam", "win a prize, call now " * 7)
TRAINED = [HAM] * 870 + [SPAM] * 130


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Version 1, the champion, knows its training set; version 2, the challenger, does not."""
    registry = Registry(MODEL_NAME, make_registry(tmp_path_factory.mktemp("registry")))
    details = registry.folder(registry.resolve("1")) / "evaluation" / "details.json"
    details.write_text(json.dumps({"training": vars(profile_of(TRAINED))}))
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


@pytest.fixture
def cli(registry, tmp_path, monkeypatch, capsys):
    """`python -m registry drift WORDS` in a folder of the test's own: its exit status and what it wrote."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)

    def run(*words: str, **settings: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["registry", "drift", *words])
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            return end.code, capsys.readouterr().err
        return 0, capsys.readouterr().out

    return run


@pytest.fixture
def told(cli):
    """What it says of each version, with --json."""

    def run(*words: str, **settings: str) -> dict[str, dict]:
        status, written = cli("--json", *words, **settings)
        assert status == 0, status
        return {row["version"]: row for row in json.loads(written)}

    return run


def test_the_index_is_the_published_sum_and_says_what_it_means():
    assert psi([50, 50], [50, 50]) == 0
    assert psi([50, 50], [10, 90]) == pytest.approx(0.4 * 1.6094379 + 0.4 * 0.5877867)  # (p - q) ln(p / q), twice
    assert psi([1_000, 0], [500, 500]) < 10, "a bin that was empty in training is not without end"
    assert [word(index) for index in (0.0, 0.0999, 0.1, 0.2499, 0.25, 7.0)] == [
        *["stable"] * 2,
        *["shifting"] * 2,
        *["drifted"] * 2,
    ]


def test_each_version_is_compared_with_its_own_training_set(registry, cli, told, tmp_path):
    champion, challenger = (registry.resolve(ref).key for ref in "12")
    recent = calls(champion, ([HAM] * 87 + [SPAM] * 13) * 3)
    log(tmp_path / "spam.db", recent + calls(champion, [SPAM] * 900, timedelta(hours=30)) + calls(challenger, [HAM]))
    found = told()
    assert found["1"] == {
        "version": "1",
        "aliases": ["champion"],
        "calls": 300,
        "labels": pytest.approx(0, abs=1e-9),
        "lengths": pytest.approx(0, abs=1e-9),
        "verdict": "stable",
    }
    assert found["2"]["calls"] == 1 and found["2"]["labels"] is None and "training set" in found["2"]["verdict"]
    longer = told("--hours", "48")["1"]
    assert longer["calls"] == 1_200 and longer["labels"] > 0.25 and longer["verdict"] == "drifted"
    status, printed = cli()
    assert status == 0 and "champion" in printed and "stable" in printed


def test_a_version_that_cannot_be_read_is_told_apart(registry, told, tmp_path, monkeypatch):
    log(tmp_path / "spam.db", calls(registry.resolve("1").key, ([HAM] * 87 + [SPAM] * 13) * 3))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    evaluation = registry.folder(registry.resolve("2")) / "evaluation"
    evaluation.rename(tmp_path / "away")
    try:
        found = told()
    finally:
        (tmp_path / "away").rename(evaluation)
    assert found["1"]["verdict"] == "stable"
    assert found["2"]["labels"] is None and "cannot be read" in found["2"]["verdict"]
    assert list((tmp_path / "scratch").iterdir()) == []


def test_too_few_calls_give_no_number(registry, told, tmp_path):
    log(tmp_path / "spam.db", calls(registry.resolve("1").key, [SPAM] * (ENOUGH - 1)))
    few = told()["1"]
    assert (few["calls"], few["labels"], few["lengths"]) == (ENOUGH - 1, None, None) and "too few" in few["verdict"]


def test_what_cannot_be_read_or_asked_ends_in_a_sentence(cli, tmp_path):
    why, _ = cli(SQLITE_PATH="missing.db")
    assert why.startswith("registry: the call log cannot be read") and "missing.db" in why
    assert not (tmp_path / "missing.db").exists()
    assert cli("--hours", "-1")[0] == 2 and cli("--hours", "soon")[0] == 2


def test_the_log_in_cassandra_is_read_whole(registry, told, cassandra_node, keyspace, tmp_path):
    from bentos.store.cassandra.schema import migrate
    from bentos.store.cassandra.store import CassandraStore
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
    found = told(**{name.upper(): str(getattr(settings, name)) for name in named})["1"]
    assert found["calls"] == 500 and found["verdict"] == "drifted"
    assert found["labels"] == pytest.approx(psi([870, 130], [250, 250]))
