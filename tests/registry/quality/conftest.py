"""A real store of the service, which `python -m bentos export` reads."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bentos.store import Call, Correction, timeuuid
from bentos.store.sqlite.store import SQLiteStore

ROOT = Path(__file__).parents[3]
HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The test's own, from which `python -m bentos` starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.fixture
def fill(folder, registry) -> Callable[..., None]:
    """Write calls of (version number, text, label, probability, source), an hour old, and corrections to the store."""

    def write(calls: list[tuple], corrections: list[tuple[str, str, str]], ago: timedelta = HOUR) -> None:
        asyncio.run(_write(calls, corrections, datetime.now(UTC) - ago))

    async def _write(calls: list[tuple], corrections: list[tuple[str, str, str]], at: datetime) -> None:
        keys = {number: registry.resolve(number).key for number in ("1", "2", "3")}
        store = await SQLiteStore.open(folder / "spam.db")
        await store.log(
            [
                Call(f"caller {i}", timeuuid.first(at), text, keys[number], label, False, probability, "", source)
                for i, (number, text, label, probability, source) in enumerate(calls)
            ]
        )
        await store.correct(
            [
                Correction("ann" if reason else "10.0.0.1", timeuuid.now(), text, label, reason)
                for text, label, reason in corrections
            ]
        )
        await store.close()

    return write


def answers(number: str, *rows: tuple[str, str], source: str = "model") -> list[tuple]:
    """Calls of (text, label), each answered with .9."""
    return [(number, text, label, 0.9, source) for text, label in rows]
