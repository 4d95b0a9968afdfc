"""The store in one SQLite file, for where no database is configured.

One thread writes: whatever has queued up while it wrote goes into its next transaction, so that many requests share one
wait for the disk. Readers have threads and connections of their own, and write-ahead logging lets them read meanwhile.
Several processes may use one file.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson

from bentos.store import Call, Correction, Probabilities, StoreError
from bentos.store.sqlite import rows as sqlite_rows
from bentos.store.sqlite.file import connect, failure, prepare

GROUP = 512  # writes a transaction
READERS = 2  # threads
PRUNE_EVERY = 600.0  # seconds
PRUNE_PAUSE = 0.1  # seconds, while rows are left to prune: requests go first
PRUNE_ROWS = 1_000  # at once

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Write:
    statement: str
    rows: Sequence[tuple[Any, ...]]
    done: asyncio.Future[None]


class SQLiteStore:
    """A Store (see `bentos.store`). Belongs to the event loop that it is opened on."""

    name = "sqlite"

    def __init__(self, path: Path, cache_ttl: int, log_ttl: int, writing: sqlite3.Connection) -> None:
        self.path = path
        self.cache_ttl = cache_ttl
        self.log_ttl = log_ttl
        self._up = True
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")
        self._reading = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_until_closed, args=(writing,), name="sqlite-writer")
        self._writer.start()

    @classmethod
    async def open(cls, path: Path, cache_ttl: int = 0, log_ttl: int = 0) -> "SQLiteStore":
        """Times in seconds, 0 for ever. Raises StoreError for a file that cannot be used."""
        await asyncio.to_thread(prepare, path)
        return cls(path, cache_ttl, log_ttl, connect(path))

    def state(self) -> dict[str, Any]:
        return {"up": self._up}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        newer_than = time.time() - self.cache_ttl if self.cache_ttl else -1
        return await self._read(lambda db: dict(sqlite_rows.read_predictions(db, model_version, inputs, newer_than)))

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        now = int(time.time())
        rows = [(model_version, text, orjson.dumps(stored).decode(), now) for text, stored in predictions.items()]
        await self._write(sqlite_rows.PUT, rows)

    async def log(self, calls: Sequence[Call]) -> None:
        await self._write(sqlite_rows.LOG, [sqlite_rows.call_row(call) for call in calls])

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        last = (-1, b"")
        while True:
            page, last = await self._read(partial(sqlite_rows.read_calls, caller_id=caller_id, hour=hour, after=last))
            for call in page:
                yield call
            if not page:
                return

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        return await self._read(partial(sqlite_rows.read_call, caller_id=caller_id, called_at=called_at))

    async def correct(self, corrections: Sequence[Correction]) -> None:
        await self._write(sqlite_rows.CORRECT, [sqlite_rows.correction_row(correction) for correction in corrections])

    async def corrections(self) -> AsyncIterator[Correction]:
        last = ("", "")
        while page := await self._read(partial(sqlite_rows.read_corrections, after=last)):
            for correction in page:
                yield correction
            last = page[-1].input, page[-1].caller_id

    async def close(self) -> None:
        await asyncio.to_thread(self._readers.shutdown)
        for db in self._opened:
            db.close()
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)  # the last to let go of the file merges its log into it

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._loop.run_in_executor(self._readers, self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if not hasattr(self._reading, "db"):
                self._reading.db = connect(self.path)
                self._opened.append(self._reading.db)
            return query(self._reading.db)
        except sqlite3.Error as error:
            raise failure("read", self.path, error) from error

    async def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        done = self._loop.create_future()
        self._queue.put(_Write(statement, rows, done))
        await done

    def _write_until_closed(self, db: sqlite3.Connection) -> None:
        """What the writer thread does."""
        prune_at = time.monotonic()
        closing = False
        while not closing:
            queued = self._queued(max(prune_at - time.monotonic(), 0))
            closing = None in queued
            if group := [write for write in queued if write]:
                outcome = self._commit(db, group)
                self._loop.call_soon_threadsafe(self._settle, group, outcome)
            if time.monotonic() >= prune_at:
                prune_at = time.monotonic() + (PRUNE_PAUSE if self._prune(db) else PRUNE_EVERY)
        db.close()

    def _queued(self, seconds: float) -> list[_Write | None]:
        """All that is queued, waiting up to `seconds` for the first."""
        found: list[_Write | None] = []
        with suppress(queue.Empty):
            found.append(self._queue.get(timeout=seconds))
            while len(found) < GROUP:
                found.append(self._queue.get_nowait())
        return found

    def _commit(self, db: sqlite3.Connection, group: Sequence[_Write]) -> StoreError | None:
        """Write the group in one transaction, whole or not at all."""
        try:
            db.execute("BEGIN IMMEDIATE")
            for write in group:
                db.executemany(write.statement, write.rows)
            db.execute("COMMIT")
        except (sqlite3.Error, ValueError, OverflowError) as error:  # the latter two: a value that SQLite does not take
            with suppress(sqlite3.Error):  # some errors have ended the transaction already
                db.execute("ROLLBACK")
            return failure("write", self.path, error)
        return None

    def _settle(self, group: Sequence[_Write], outcome: StoreError | None) -> None:
        """Wake those who wait, on the event loop."""
        self._up = outcome is None
        for write in group:
            if write.done.done():  # whoever waited was cancelled
                continue
            if outcome:
                write.done.set_exception(outcome)
            else:
                write.done.set_result(None)

    def _prune(self, db: sqlite3.Connection) -> bool:
        try:
            return sqlite_rows.prune(db, self.cache_ttl, self.log_ttl, PRUNE_ROWS)
        except sqlite3.Error as error:
            logger.warning("%s", failure("prune", self.path, error))
            return False
