"""A store that goes on while its database is away: without the cache, and with the log on disk until it is back.

| the database | get | put | log, correct |
| --- | --- | --- | --- |
| answers | database | database | database, or the spool for what it does not take in time |
| has just failed a lookup | database | refused | spool: no request waits twice for a silent database |
| is away | refused | refused | spool |

It is away before the first connection, and after three failures one after the other. Then no request asks it: a task in
the background does, and lets requests through again once it can be read and has taken the oldest waiting rows.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from bentos.store import Call, Correction, Probabilities, Store, StoreError
from bentos.store.spool import Spool, SpoolError
from bentos.store.waiting import CALLS, CORRECTIONS, KINDS, Kind

T = TypeVar("T")

FAILURES = 3  # in a row, of lookups or of log writes
RENEW = 10  # failed lookups in a row after which the connection is made anew: the nodes may have other addresses
LOOK_EVERY = 0.5  # seconds between looks at a database that is away, and into the spool
START_WAIT = 2.0  # seconds that the start waits for the first connection
REPLAY = 200  # rows at once
TEXT_BYTES, CALLER_BYTES = 2**21, 2**15  # of a row: more, and no database would take it

logger = logging.getLogger(__name__)


class Resilient:
    """A Store (see `bentos.store`) around the one that `connect` opens.

    `log` and `correct` raise StoreError only when neither the database nor the spool takes the rows.
    """

    def __init__(self, name: str, connect: Callable[[], Awaitable[Store]], spool: Spool) -> None:
        self.name = name
        self._connect = connect
        self._database: Store | None = None
        self._spool = spool
        self._spooled = 0  # rows that waited when last counted
        self._spool_error: str | None = None
        self._away: str | None = "not connected yet"  # why
        self._failures = {"get": 0, "log": 0}  # in a row
        self._counted = {"get": 0.0, "log": 0.0}  # when the last of them was
        self._looked = asyncio.Event()
        self._closing = asyncio.Event()
        self._caretaker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look after the database; wait a little for it, so that one that is there is used from the start."""
        self._caretaker = asyncio.create_task(self._take_care())
        await _wait(self._looked, START_WAIT)

    def state(self) -> dict[str, Any]:
        return {"up": self._away is None, "spooled": self._spooled, "error": self._away or self._spool_error}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        return await self._watched("get", self._present().get(model_version, inputs))

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        database = self._present()
        if self._doubtful():
            raise StoreError(f"{self.name} has just failed a lookup, and is not asked to store predictions")
        await database.put(model_version, predictions)

    async def log(self, calls: Sequence[Call]) -> None:
        await self._store(CALLS, calls)

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        async for call in self._present().calls(caller_id, hour):
            yield call

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        """StoreError, too, for one that is not found while rows wait: it may be among them."""
        await self._count()  # first: a row that is replayed meanwhile is counted or found
        waiting = self._spooled or self._spool_error
        found = await self._present().call(caller_id, called_at)
        if found is None and waiting:
            raise StoreError("a call is not found, and rows of the log wait in the spool")
        return found

    async def correct(self, corrections: Sequence[Correction]) -> None:
        await self._store(CORRECTIONS, corrections)

    async def corrections(self) -> AsyncIterator[Correction]:
        async for correction in self._present().corrections():
            yield correction

    async def close(self) -> None:
        self._closing.set()
        if self._caretaker is not None:
            await self._caretaker
        await self._disconnect()
        await self._spool.close()

    async def _store(self, kind: Kind[T], rows: Sequence[T]) -> None:
        """Write to the database, or to the spool, or else to a database that is not trusted."""
        _check(rows)
        if self._away is None and not self._doubtful():
            try:
                return await self._watched("log", _writer(self._present(), kind)(rows))
            except StoreError as error:
                logger.debug("%d rows go to the spool: %s", len(rows), error)
        try:
            await self._spool.add(rows, kind)
            self._spooled += len(rows)
        except SpoolError as error:
            self._spool_error = str(error)
            logger.error("%s", error)
            await _writer(self._present(), kind)(rows)

    def _present(self) -> Store:
        if self._away is not None or self._database is None:
            raise StoreError(f"{self.name} is away: {self._away}")
        return self._database

    def _doubtful(self) -> bool:
        return self._failures["get"] > 0

    async def _watched(self, kind: str, request: Awaitable[T]) -> T:
        """The request's result; note whether the database gave one. Requests that fail together count as one."""
        started = time.monotonic()
        try:
            result = await request
        except StoreError as error:
            if started >= self._counted[kind]:
                self._counted[kind] = time.monotonic()
                self._failures[kind] += 1
            if self._failures[kind] >= FAILURES:
                self._lose(error)
            raise
        self._failures[kind] = 0
        return result

    def _lose(self, error: Exception) -> None:
        if self._away != str(error):
            logger.warning("%s is away: %s", self.name, error)
        self._away = str(error)

    def _regain(self) -> None:
        if self._away is not None:
            logger.info("%s answers", self.name)
        self._away = None
        self._failures = dict.fromkeys(self._failures, 0)

    async def _take_care(self) -> None:
        """The task in the background."""
        while not self._closing.is_set():
            try:
                await self._look()
            except StoreError as error:
                if self._away is not None:  # the reason may be another one by now
                    self._lose(error)
            except Exception as error:
                logger.exception("looking after %s failed", self.name)
                self._lose(error)
            await self._count()
            self._looked.set()
            await _wait(self._closing, LOOK_EVERY)

    async def _look(self) -> None:
        """Connect if need be, see whether a database that failed answers again, and hand it what waits."""
        if self._failures["get"] >= RENEW:
            await self._disconnect()
        if self._database is None:
            self._database = await self._connect()
        if self._away is not None or any(self._failures.values()):
            await self._watched("get", self._database.get("", [""]))
        with suppress(SpoolError):  # counted next, and told there
            await self._replay(self._database)
        self._regain()

    async def _disconnect(self) -> None:
        database, self._database = self._database, None
        self._failures["get"] = 0
        if database is not None:
            await database.close()

    async def _count(self) -> None:
        try:
            self._spooled = await self._spool.count()
            self._spool_error = None
        except SpoolError as error:
            self._spool_error = str(error)

    async def _replay(self, database: Store) -> None:
        """Move the waiting rows to the database, oldest first. A row that was moved before is written over itself."""
        with self._spool.replaying() as mine:
            for kind in KINDS if mine else ():
                while not self._closing.is_set():
                    rows, mark = await self._spool.oldest(REPLAY, kind)
                    if not rows:
                        break
                    await self._watched("log", _writer(database, kind)(rows))
                    self._regain()  # the cache need not wait for the rest
                    await self._spool.remove(mark, kind)


def _writer(database: Store, kind: Kind[T]) -> Callable[[Sequence[T]], Awaitable[None]]:
    return database.log if kind is CALLS else database.correct


def _check(rows: Sequence[Call | Correction]) -> None:
    """Raise StoreError for a row that no database would ever take: it would keep those behind it waiting for ever."""
    for row in rows:
        try:
            fits = len(row.caller_id.encode()) <= CALLER_BYTES and len(row.input.encode()) <= TEXT_BYTES
        except UnicodeEncodeError as error:
            raise StoreError("a text with half a surrogate pair cannot be logged") from error
        if not fits:
            raise StoreError(f"a text of more than {TEXT_BYTES} bytes, or a caller of {CALLER_BYTES}, cannot be logged")


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
