"""The service on a store that acknowledges a call before it is written: what `durability --control` must catch.

`bentoml serve tests.benchmarks.early:SpamService` is `bentoml serve` but for that.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from bentos.service import SpamService
from bentos.settings import Settings
from bentos.store import Call, Store, backends

WRITE_AFTER = 0.5  # seconds: what a process has acknowledged so long before it is killed, it takes with it

__all__ = ["SpamService"]


class EarlyStore:
    """A Store whose `log` returns at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writing: set[asyncio.Task[None]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def log(self, calls: Sequence[Call]) -> None:
        self._writing.add(task := asyncio.create_task(self._write(calls)))
        task.add_done_callback(self._writing.discard)

    async def _write(self, calls: Sequence[Call]) -> None:
        await asyncio.sleep(WRITE_AFTER)
        await self._store.log(calls)


async def open_early(settings: Settings) -> EarlyStore:
    return EarlyStore(await _open_store(settings))


_open_store = backends.open_store
backends.open_store = open_early  # before a worker imports it
