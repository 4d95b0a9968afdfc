"""The store in Cassandra or Astra DB, awaited on the event loop.

The driver has a thread of its own: a statement goes out from the event loop, and its answer comes back as a callback.
Whatever the driver or the database raises, and an answer that does not come in time, is a StoreError here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from cassandra.cluster import Cluster, Session
from cassandra.query import Statement

from bentos.settings import Settings
from bentos.store import Call, Correction, Probabilities, StoreError
from bentos.store.cassandra.cluster import explain, is_astra, keyspace_of, new_cluster
from bentos.store.cassandra.schema import check
from bentos.store.cassandra.statements import PAGE, Statements
from bentos.store.resilient import Resilient
from bentos.store.spool import Spool
from registry.model.artifact import DECIMALS

Rows = Sequence[tuple[Any, ...]]

PARALLEL = 32  # statements of one request in flight
GROUPS = 4  # groups of log rows in flight; what comes meanwhile forms the next group
PAGE_PATIENCE = 5.0  # seconds that a page of the log, or of the feedback, may take
BEFORE_ALL = UUID("00000000-0000-1000-8080-808080808080")  # the first of all version 1 UUIDs in Cassandra's order


class CassandraStore:
    """A Store (see `bentos.store`). Belongs to the event loop that it is used on.

    `patience` is how long, in seconds, a lookup, and every statement that writes, may take.
    """

    def __init__(self, cluster: Cluster, session: Session, settings: Settings) -> None:
        self.name = "astra" if is_astra(settings) else "cassandra"
        self.patience = settings.cache_timeout
        self._cluster = cluster
        self._session = session
        self._settings = settings
        self._statements = Statements(session, settings)
        self._slots = asyncio.Semaphore(GROUPS)
        self._group: tuple[list[Call], asyncio.Task[None]] | None = None
        self._groups: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, settings: Settings) -> "CassandraStore":
        """Connect, check the tables and prepare the statements. Blocks: call it in a thread. Raises StoreError."""
        cluster = None
        try:
            cluster = new_cluster(settings)
            session = cluster.connect()
            check(session, keyspace_of(settings))
            return cls(cluster, session, settings)
        except Exception as error:
            if cluster is not None:
                cluster.shutdown()
            raise explain(error, settings) from error

    def state(self) -> dict[str, Any]:
        return {"up": True}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        """The stored predictions that arrive in time; StoreError when none does."""
        wanted = set(inputs)
        found: dict[str, Probabilities] = {}

        def take(rows: Rows) -> None:
            for key, map_, whole in rows:
                if (text := key if whole is None else whole) in wanted:
                    found[text] = {label: round(value, DECIMALS) for label, value in (map_ or {}).items()}

        try:
            async with asyncio.timeout(self.patience):
                await self._run(self._statements.get(model_version, wanted), take)
        except Exception as error:
            if not found:
                raise self._failure(error, self.patience) from error
        return found

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        await self._write(self._statements.put(model_version, predictions))

    async def log(self, calls: Sequence[Call]) -> None:
        if self._group is None:
            rows: list[Call] = []
            task = asyncio.create_task(self._write_group(rows))
            self._group = rows, task
            self._groups.add(task)
            task.add_done_callback(self._forget)
        rows, task = self._group
        rows.extend(calls)
        await asyncio.shield(task)  # other requests' rows are in it

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        after = BEFORE_ALL
        while True:
            try:
                async with asyncio.timeout(PAGE_PATIENCE):
                    page = await self._send(self._statements.page(caller_id, hour, after))
            except Exception as error:
                raise self._failure(error, PAGE_PATIENCE) from error
            for after, text, model_version, result, from_cache in page:
                yield Call(caller_id, after, text or "", model_version or "", result or "", bool(from_cache))
            if len(page) < PAGE:
                return

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        try:
            async with asyncio.timeout(PAGE_PATIENCE):
                rows = await self._send(self._statements.call(caller_id, called_at))
        except Exception as error:
            raise self._failure(error, PAGE_PATIENCE) from error
        for text, model_version, result, from_cache in rows:
            return Call(caller_id, called_at, text or "", model_version or "", result or "", bool(from_cache))
        return None

    async def correct(self, corrections: Sequence[Correction]) -> None:
        await self._write(self._statements.correct(corrections))

    async def corrections(self) -> AsyncIterator[Correction]:
        """In threads: the driver turns the pages of a whole table, and waits for each."""
        statement = self._statements.corrections()
        found = await self._paged(self._session.execute, statement, timeout=PAGE_PATIENCE)
        while True:
            for row in found.current_rows:
                yield Correction(*row)
            if not found.has_more_pages:
                return
            await self._paged(found.fetch_next_page)

    async def close(self) -> None:
        await asyncio.gather(*self._groups, return_exceptions=True)
        await asyncio.to_thread(self._cluster.shutdown)

    async def _paged(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await asyncio.to_thread(read, *args, **kwargs)
        except Exception as error:
            raise self._failure(error, PAGE_PATIENCE) from error

    async def _write_group(self, calls: list[Call]) -> None:
        async with self._slots:
            self._group = None  # whoever comes from now on opens the next one
            await self._write(self._statements.log(calls))

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._groups.discard(task)
        if not task.cancelled():
            task.exception()  # seen, even if every request that waited for it has gone

    async def _write(self, statements: Iterable[Statement]) -> None:
        try:
            await self._run(statements, lambda rows: None, self.patience)
        except Exception as error:
            raise self._failure(error, self.patience) from error

    async def _run(
        self, statements: Iterable[Statement], take: Callable[[Rows], None], patience: float | None = None
    ) -> None:
        """Run the statements, up to PARALLEL at once, each within `patience` seconds, and `take` their rows."""
        todo = iter(statements)

        async def run(statement: Statement | None) -> None:
            while statement is not None:
                async with asyncio.timeout(patience):
                    take(await self._send(statement))
                statement = next(todo, None)

        first = next(todo, None)
        beside = list(islice(todo, PARALLEL - 1))
        if not beside:  # nearly always: one text, no tasks
            return await run(first)
        async with asyncio.TaskGroup() as tasks:
            for statement in (first, *beside):
                tasks.create_task(run(statement))

    def _send(self, statement: Statement) -> asyncio.Future[Rows]:
        """The answer to come. It is no coroutine, so that an abandoned one costs nothing."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Rows] = loop.create_future()
        self._session.execute_async(statement).add_callbacks(
            lambda rows: loop.call_soon_threadsafe(_settle, answer, rows, None),
            lambda error: loop.call_soon_threadsafe(_settle, answer, None, error),
        )
        return answer

    def _failure(self, error: Exception, patience: float) -> StoreError:
        if isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, TimeoutError):
            return StoreError(f"{self.name}: no answer within {patience:g} s")
        return explain(error, self._settings)


async def connect(settings: Settings) -> Resilient:
    """The store the settings name, ready for use at once: while it cannot be reached, it goes on without it."""
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # warns of every attempt; Resilient tells what changes
    store = Resilient(
        "astra" if is_astra(settings) else "cassandra",
        lambda: asyncio.to_thread(CassandraStore.open, settings),
        Spool(settings.spool_path),
    )
    await store.start()
    return store


def _settle(answer: asyncio.Future[Rows], rows: Rows | None, error: Exception | None) -> None:
    if answer.done():  # whoever asked has stopped waiting
        return
    if error is None:
        answer.set_result(rows or ())
    else:
        answer.set_exception(error)
