"""The store in one SQLite file, for where no database is configured.

One thread writes, in groups of requests (see `bentos.store.group_commit`). Readers have connections of their own, and
write-ahead logging lets them read meanwhile: a few predictions are looked up on the event loop, all else in threads.
Several processes may use one file.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import orjson

from bentos.settings import Settings
from bentos.store import Call, Correction, Probabilities, digest
from bentos.store.group_commit import GroupCommit
from bentos.store.questions import Decision, Question
from bentos.store.sqlite import review, statements
from bentos.store.sqlite.file import connect, failure
from bentos.store.sqlite.schema import create_tables
from bentos.store.threads import WorkerThreads

READERS = 2  # threads
FEW_INPUTS = 8  # are looked up on the event loop: .05 ms
SLOW, THREADS_FOR = 0.002, 1.0  # seconds: a look-up that is longer has threads make the next ones for so long
PRUNE_EVERY = 600.0  # seconds
PRUNE_PAUSE = 0.1  # seconds, while rows are left to prune: requests go first
PRUNE_ROWS = 1_000  # at once

T = TypeVar("T")
Write = tuple[str, Sequence[tuple[Any, ...]]]  # a statement, and the rows to execute it with

logger = logging.getLogger(__name__)


async def open_store(settings: Settings) -> "SQLiteStore":
    return await SQLiteStore.open(settings.sqlite_path, settings.cache_ttl, settings.log_ttl, settings.feedback_ttl)


class SQLiteStore:
    """A Store (see `bentos.store`). Belongs to the event loop that it is opened on."""

    name = "sqlite"

    def __init__(self, path: Path, cache_ttl: int, log_ttl: int, feedback_ttl: int) -> None:
        self.path = path
        self.cache_ttl = cache_ttl
        self.log_ttl = log_ttl
        self.feedback_ttl = feedback_ttl
        self._up = True
        self._reader_threads = WorkerThreads("sqlite-reader", READERS)
        self._thread_local = threading.local()  # its `connection` is the reading thread's own
        self._reading: list[sqlite3.Connection] = []  # the connections of all reading threads
        self._reading_at_once = connect(path)  # the event loop's connection, which waits for no lock
        self._reading_at_once.execute("PRAGMA busy_timeout = 0")
        self._threads_until = 0.0  # on the monotonic clock
        self._writer_thread = WorkerThreads("sqlite-writer")
        self._writing = connect(path)  # the writing thread's connection
        self._group_commit = GroupCommit(self._commit)
        self._closing = asyncio.Event()
        self._pruning = asyncio.create_task(self._prune_until_closed())

    @classmethod
    async def open(cls, path: Path, cache_ttl: int = 0, log_ttl: int = 0, feedback_ttl: int = 0) -> "SQLiteStore":
        """Times in seconds, 0 for ever. Raises StoreError for a file that cannot be used."""
        await asyncio.to_thread(create_tables, path)
        return cls(path, cache_ttl, log_ttl, feedback_ttl)

    def state(self) -> dict[str, Any]:
        return {"up": self._up}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        newer_than = time.time() - self.cache_ttl if self.cache_ttl else -1

        def query(db: sqlite3.Connection) -> dict[str, Probabilities]:
            return dict(statements.read_predictions(db, model_version, inputs, newer_than))

        if len(inputs) <= FEW_INPUTS and time.monotonic() >= self._threads_until:
            return await self._read_at_once(query)
        return await self._read(query)

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        now = int(time.time())
        rows = [(model_version, text, orjson.dumps(labels).decode(), now) for text, labels in predictions.items()]
        await self._group_commit.add([(statements.PUT, rows)])

    async def log(self, calls: Sequence[Call]) -> None:
        await self._group_commit.add([(statements.LOG, [statements.call_row(call) for call in calls])])

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        last = (-1, b"")
        while True:
            page, last = await self._read(partial(statements.read_calls, caller_id=caller_id, hour=hour, after=last))
            for call in page:
                yield call
            if not page:
                return

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        return await self._read(partial(statements.read_call, caller_id=caller_id, called_at=called_at))

    async def correct(self, corrections: Sequence[Correction]) -> None:
        rows = [statements.correction_row(correction) for correction in corrections]
        await self._group_commit.add([(statements.CORRECT, rows)])

    async def corrects(self, caller_id: str) -> bool:
        return await self._read(partial(statements.has_corrections, caller_id=caller_id))

    async def corrected(self, caller_id: str, texts: Sequence[str]) -> dict[str, str]:
        digests = {text: digest(text) for text in texts}
        known = list(digests.values())
        labels = await self._read(partial(statements.read_corrected, caller_id=caller_id, digests=known))
        return {text: labels[key] for text, key in digests.items() if key in labels}

    async def corrections(self) -> AsyncIterator[Correction]:
        last = ("", "")
        while page := await self._read(partial(statements.read_corrections, after=last)):
            for correction in page:
                yield correction
            last = page[-1].input, page[-1].caller_id

    async def correction(self, caller_id: str, text: str) -> Correction | None:
        return await self._read(partial(review.read_correction, caller_id=caller_id, text=text))

    async def ask(self, questions: Sequence[Question]) -> None:
        await self._group_commit.add([(review.ASK, [review.question_row(question) for question in questions])])

    async def questions(self, since: datetime) -> AsyncIterator[Question]:
        last = review.NEWEST
        while True:
            page, last = await self._read(partial(review.read_questions, since=since, before=last))
            for question in page:
                yield question
            if not page:
                return

    async def question(self, question_id: UUID) -> Question | None:
        return await self._read(partial(review.read_question, question_id=question_id))

    async def decide(self, decisions: Sequence[Decision]) -> None:
        await self._group_commit.add([write for decision in decisions for write in review.decision_writes(decision)])

    async def close(self) -> None:
        self._closing.set()
        await self._pruning
        await self._group_commit.close()
        await asyncio.to_thread(self._reader_threads.shutdown)
        await asyncio.to_thread(self._writer_thread.shutdown)
        for connection in (
            self._reading_at_once,
            *self._reading,
            self._writing,
        ):  # the last one to close merges the write-ahead log
            connection.close()

    async def _read_at_once(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Read on the event loop: two changes of threads take longer than looking up a row that is in memory.

        Where the disk is slow, threads read for the next while; where the file is locked, this once.
        """
        started = time.monotonic()
        try:
            found = query(self._reading_at_once)
        except sqlite3.Error:
            return await self._read(query)  # it waits for the lock, or raises what is to be raised
        if (ended := time.monotonic()) > started + SLOW:
            self._threads_until = ended + THREADS_FOR
        return found

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._reader_threads.run(self._query, query)

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if not hasattr(self._thread_local, "connection"):
                self._thread_local.connection = connect(self.path)
                self._reading.append(self._thread_local.connection)
            return query(self._thread_local.connection)
        except sqlite3.Error as error:
            raise failure("read", self.path, error) from error

    def _commit(self, group: list[list[Write]]) -> asyncio.Future[None]:
        return self._writer_thread.run(self._write, [write for writes in group for write in writes])

    def _write(self, writes: list[Write]) -> None:
        """Write them in one transaction, whole or not at all. Raises StoreError. Runs in the writer thread."""
        connection = self._writing
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in writes:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
            self._up = True
        except (sqlite3.Error, ValueError, OverflowError) as error:  # the latter two: a value that SQLite does not take
            self._up = False
            with suppress(sqlite3.Error):  # some errors have ended the transaction already
                connection.execute("ROLLBACK")
            raise failure("write", self.path, error) from error

    async def _prune_until_closed(self) -> None:
        """Delete rows that have outlived their seconds, a part at a time: at the start, then every few minutes."""
        while True:
            left = False
            try:
                left = await self._writer_thread.run(
                    statements.prune, self._writing, self.cache_ttl, self.log_ttl, self.feedback_ttl, PRUNE_ROWS
                )
            except sqlite3.Error as error:
                logger.warning("%s", failure("prune", self.path, error))
            with suppress(TimeoutError):
                async with asyncio.timeout(PRUNE_PAUSE if left else PRUNE_EVERY):
                    await self._closing.wait()
            if self._closing.is_set():
                return
