"""The call log of a real store, read through `python -m bentos export`."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from bentos.store import Call, timeuuid
from bentos.store.sqlite.store import SQLiteStore
from registry.call_log import LoggedCall, read_calls
from registry.errors import RegistryError

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The test's own, from which `python -m bentos` starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


CALL = LoggedCall("1", "ham", 2, 0.75, "champion", "model", False, "00" * 32, "2030-01-31T12:00:00+00:00")


def log(path: Path, rows: list[tuple[str, str, str, timedelta]]) -> None:
    """Write calls of (version key, label, text, how long ago), each of a caller of its own."""

    async def write() -> None:
        store = await SQLiteStore.open(path)
        now = datetime.now(UTC)
        await store.log(
            [
                Call(f"10.0.0.{i}", timeuuid.first(now - ago), text, key, label, False)
                for i, (key, label, text, ago) in enumerate(rows)
            ]
        )
        await store.close()

    asyncio.run(write())


def test_only_calls_since_then_are_read(folder):
    recent, old = ("1-abcdef01", "ham", "see you 🎁", HOUR), ("2-abcdef01", "spam", "win", 30 * HOUR)
    log(folder / "spam.db", [recent, old])
    (call,) = read_calls(datetime.now(UTC) - 24 * HOUR)
    digest = sha256("see you 🎁".encode()).hexdigest()
    assert call[:-1] == ("1-abcdef01", "ham", 9, None, "", "model", False, digest)


def test_drift_reads_the_calls_of_the_last_hours(registry, cli, folder):
    registry.point({}, {"champion": "1"})
    key = registry.resolve("1").key
    log(folder / "spam.db", [(key, "ham", "hi", HOUR), (key, "spam", "win", 30 * HOUR)])
    (champion,) = json.loads(cli("drift", "--hours", "48", "--json").output)
    assert champion["version"] == "1" and champion["aliases"] == ["champion"] and champion["calls"] == 2
    assert [row["calls"] for row in json.loads(cli("drift", "--json").output)] == [1], "24 hours by default"
    assert list(champion) == ["version", "aliases", "calls", "labels", "lengths", "scores", "verdict"]


def test_a_log_that_cannot_be_read_is_one_sentence(cli, folder, monkeypatch):
    monkeypatch.setenv("SQLITE_PATH", "missing.db")
    failed = cli("drift")
    assert failed.status == 1 and failed.error.startswith("registry: the call log cannot be read")
    assert "missing.db" in failed.error and "error:" not in failed.error and "\n" not in failed.error
    assert not (folder / "missing.db").exists()


def test_calls_are_not_taken_for_all_when_the_export_fails(monkeypatch, folder):
    (folder / "bentos.py").write_text(
        f"print({json.dumps(json.dumps(CALL._asdict()))}, flush=True); raise SystemExit('error: it broke')"
    )
    monkeypatch.setenv("PYTHONPATH", "")
    calls = read_calls(datetime.now(UTC))
    assert next(calls) == CALL
    with pytest.raises(RegistryError, match=r"^the call log cannot be read: it broke$"):
        next(calls)


def test_hours_that_are_none_are_refused(cli):
    assert cli("drift", "--hours", "-1").status == 2 and cli("drift", "--hours", "soon").status == 2
