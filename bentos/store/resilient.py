"""A store that goes on while its database is away: without the cache, and with the log on disk until it is back.

| the database | get | put | log, correct, decide |
| --- | --- | --- | --- |
| answers | database | database | database, or the spool for rows that it does not take in time |
| has just failed a lookup | database | refused | spool: no request waits twice for a silent database |
| is away | refused | refused | spool |

Two patterns make it: a circuit breaker (`bentos.store.circuit_breaker`), which is open while the database is away, and
an outbox (`bentos.store.spool`). A task in the background probes a database that is away, moves the waiting rows to it,
oldest first, and closes the circuit again once the database was read and took the first of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from bentos.monitoring.logs import Throttle
from bentos.store import Call, Correction, Probabilities, Store, StoreError
from bentos.store.circuit_breaker import CircuitBreaker
from bentos.store.questions import WAITING, Decision, Question
from bentos.store.spool import CALLS, CORRECTIONS, DECISIONS, KINDS, Kind, Spool, SpoolError

T = TypeVar("T")

RECONNECT = 10  # failed lookups in a row after which the connection is made anew: the nodes may have other addresses
CHECK_EVERY = 0.5  # seconds between two checks of the database and of the spool
START_WAIT = 2.0  # seconds that the start waits for the first connection
COMPLAIN_EVERY = 10.0  # seconds, while the spool cannot be written: every call fails then
REPLAY = 200  # rows moved at once
TEXT_BYTES, CALLER_BYTES = 2**21, 2**15  # the most that a row may hold: no database takes more

logger = logging.getLogger(__name__)


class ResilientStore:
    """A Store (see `bentos.store`) around the one that `connect` opens.

    `log` and `correct` raise StoreError only when neither the database nor the spool takes the rows.
    """

    def __init__(self, name: str, connect: Callable[[], Awaitable[Store]], spool: Spool) -> None:
        self.name = name
        self._connect = connect
        self._database: Store | None = None
        self._breaker = CircuitBreaker(name)
        self._spool = spool
        self._spooled = 0  # rows that waited when last counted
        self._spool_error: str | None = None
        self._may_complain = Throttle(COMPLAIN_EVERY)
        self._checked = asyncio.Event()
        self._closing = asyncio.Event()
        self._checking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to check the database; wait a little, so that one that is there is used from the first request on."""
        self._checking = asyncio.create_task(self._check_until_closed())
        await _wait(self._checked, START_WAIT)

    def state(self) -> dict[str, Any]:
        breaker = self._breaker
        return {"up": not breaker.is_open, "spooled": self._spooled, "error": breaker.reason or self._spool_error}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        return await self._breaker.call("get", self._reachable().get(model_version, inputs))

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        database = self._reachable()
        if self._lookup_failed():
            raise StoreError(f"{self.name} has just failed a lookup, and is not asked to store predictions")
        await database.put(model_version, predictions)

    async def log(self, calls: Sequence[Call]) -> None:
        await self._write(CALLS, calls)

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        async for call in self._reachable().calls(caller_id, hour):
            yield call

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        """Raises StoreError, too, when the call is not in the database while rows wait: it may be among them."""
        await self._count_waiting()  # first: a row that is moved meanwhile is counted, or read from the database
        waiting = self._spooled or self._spool_error
        call = await self._reachable().call(caller_id, called_at)
        if call is None and waiting:
            raise StoreError("a call is not found, and rows of the log wait in the spool")
        return call

    async def correct(self, corrections: Sequence[Correction]) -> None:
        await self._write(CORRECTIONS, corrections)

    async def corrects(self, caller_id: str) -> bool:
        return await self._breaker.call("get", self._reachable().corrects(caller_id))

    async def corrected(self, caller_id: str, texts: Sequence[str]) -> dict[str, str]:
        return await self._breaker.call("get", self._reachable().corrected(caller_id, texts))

    async def corrections(self) -> AsyncIterator[Correction]:
        async for correction in self._reachable().corrections():
            yield correction

    async def correction(self, caller_id: str, text: str) -> Correction | None:
        return await self._reachable().correction(caller_id, text)

    async def ask(self, questions: Sequence[Question]) -> None:
        await self._reachable().ask(questions)

    async def questions(self, since: datetime) -> AsyncIterator[Question]:
        async for question in self._reachable().questions(since):
            yield question

    async def question(self, question_id: UUID) -> Question | None:
        """Raises StoreError, too, when nobody has decided on it while decisions wait: one on it may be among them."""
        waiting = await self._decisions_wait()  # first: what is moved meanwhile is counted, or read
        question = await self._reachable().question(question_id)
        if question and question.state == WAITING and waiting:
            raise StoreError("a question is undecided, and decisions wait in the spool")
        return question

    async def _decisions_wait(self) -> bool:
        """Also where the spool cannot say."""
        try:
            return await self._spool.count([DECISIONS]) > 0
        except SpoolError:
            return True

    async def decide(self, decisions: Sequence[Decision]) -> None:
        await self._write(DECISIONS, decisions)

    async def close(self) -> None:
        self._closing.set()
        if self._checking is not None:
            await self._checking
        await self._disconnect()
        await self._spool.close()

    async def _write(self, kind: Kind[T], rows: Sequence[T]) -> None:
        """Write to the database or, when it fails or may fail, to the spool; when that fails, to the database again."""
        _check_size(rows)
        if not self._breaker.is_open and not self._lookup_failed():
            try:
                return await self._breaker.call("log", _writer(self._reachable(), kind)(rows))
            except StoreError as error:
                logger.debug("%d rows go to the spool: %s", len(rows), error)
        try:
            await self._spool.add(rows, kind)
            self._spooled += len(rows)
        except SpoolError as error:
            self._spool_error = str(error)
            if self._may_complain():
                logger.error("%s", error)
            await _writer(self._reachable(), kind)(rows)

    def _reachable(self) -> Store:
        """The database, unless the circuit is open: then StoreError."""
        if self._breaker.is_open or self._database is None:
            raise StoreError(f"{self.name} is away: {self._breaker.reason}")
        return self._database

    def _lookup_failed(self) -> bool:
        return self._breaker.failures("get") > 0

    async def _check_until_closed(self) -> None:
        """The task in the background."""
        while not self._closing.is_set():
            try:
                await self._check()
            except StoreError as error:
                if self._breaker.is_open:  # the reason may be another one by now
                    self._breaker.open(str(error))
            except Exception as error:
                logger.exception("checking %s failed", self.name)
                self._breaker.open(str(error))
            await self._count_waiting()
            self._checked.set()
            await _wait(self._closing, CHECK_EVERY)

    async def _check(self) -> None:
        """Connect if need be, probe a database that failed, move the waiting rows to it, and close the circuit."""
        if self._breaker.failures("get") >= RECONNECT:
            await self._disconnect()
        if self._database is None:
            self._database = await self._connect()
        if self._breaker.is_open or self._breaker.suspect:
            await self._breaker.call("get", self._database.get("", [""]))
        with suppress(SpoolError):  # `_count_waiting` comes next, and reports it
            await self._replay(self._database)
        self._breaker.close()

    async def _disconnect(self) -> None:
        database, self._database = self._database, None
        self._breaker.reset("get")
        if database is not None:
            await database.close()

    async def _count_waiting(self) -> None:
        try:
            self._spooled = await self._spool.count()
            self._spool_error = None
        except SpoolError as error:
            self._spool_error = str(error)

    async def _replay(self, database: Store) -> None:
        """Move the waiting rows to the database, oldest first. It is idempotent: a row written twice is stored once."""
        with self._spool.replaying() as locked:
            for kind in KINDS if locked else ():
                while not self._closing.is_set():
                    rows, mark = await self._spool.oldest(REPLAY, kind)
                    if not rows:
                        break
                    await self._breaker.call("log", _writer(database, kind)(rows))
                    self._breaker.close()  # the cache need not wait for the rest
                    await self._spool.remove(mark, kind)


def _writer(database: Store, kind: Kind[T]) -> Callable[[Sequence[T]], Awaitable[None]]:
    return getattr(database, kind.write)


def _check_size(rows: Sequence[Call | Correction | Decision]) -> None:
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
