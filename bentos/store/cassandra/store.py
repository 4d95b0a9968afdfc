"""The store in Cassandra or Astra DB, awaited on the event loop.

A statement goes out from the event loop, and its answer comes back there as a callback
(`bentos.store.cassandra.loop_connection`). Whatever the driver or the database raises, and an answer that does not come
in time, is a StoreError here.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from cassandra.cluster import Cluster, Session
from cassandra.query import Statement

from bentos.settings import Settings
from bentos.store import Call, Correction, Probabilities, StoreError, digest, timeuuid
from bentos.store.cassandra.cluster import is_astra, new_cluster
from bentos.store.cassandra.errors import explain
from bentos.store.cassandra.executor import Executor, Rows
from bentos.store.cassandra.loop_connection import LoopConnection, on_loop
from bentos.store.cassandra.review import ReviewStatements, question_of, read_questions, recent_hours, start_of_hour
from bentos.store.cassandra.statements import PAGE, Statements, call_of
from bentos.store.group_commit import GroupCommit
from bentos.store.questions import LABELLED, Decision, Question
from bentos.store.resilient import ResilientStore
from bentos.store.spool import Spool
from registry.model.artifact import DECIMALS

PARALLEL = 32  # statements of one request in flight
GROUPS = 4  # groups of log rows in flight
PAGE_TIMEOUT = 5.0  # seconds that a page of the log, or of the feedback, may take
BEFORE_ALL = UUID("00000000-0000-1000-8080-808080808080")  # the first of all version 1 UUIDs in Cassandra's order


async def open_store(settings: Settings) -> ResilientStore:
    """A store that is ready for use at once: while the database cannot be reached, it goes on without it."""
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # warns of every attempt; ResilientStore of changes
    store = ResilientStore(
        "astra" if is_astra(settings) else "cassandra",
        lambda: CassandraStore.open(settings),
        Spool(settings.spool_path),
    )
    await store.start()
    return store


class CassandraStore:
    """A Store (see `bentos.store`). Belongs to the event loop that it is used on.

    `timeout` is how long, in seconds, a lookup, and every statement that writes, may take.
    """

    def __init__(self, cluster: Cluster, session: Session, settings: Settings) -> None:
        self.name = "astra" if is_astra(settings) else "cassandra"
        self.timeout = settings.cache_timeout
        self._cluster = cluster
        self._session = session
        self._executor = Executor(session)
        self._settings = settings
        self._statements = Statements(session, settings)
        self._review = ReviewStatements(session, settings)
        self._log = GroupCommit(self._log_group, parallel=GROUPS)

    @classmethod
    async def open(cls, settings: Settings) -> "CassandraStore":
        """Connect, and prepare the statements: that fails without the tables. Raises StoreError."""
        return await asyncio.to_thread(cls._open, settings, on_loop(asyncio.get_running_loop()))

    @classmethod
    def _open(cls, settings: Settings, connection_class: type[LoopConnection]) -> "CassandraStore":
        """Blocks while the connections wait for the event loop, so it runs in another thread."""
        cluster = None
        try:
            cluster = new_cluster(settings, connection_class)
            return cls(cluster, cluster.connect(), settings)
        except Exception as error:
            if cluster is not None:
                cluster.shutdown()
            raise explain(error, settings) from error

    def state(self) -> dict[str, Any]:
        return {"up": True}

    async def get(self, model_version: str, inputs: Sequence[str]) -> dict[str, Probabilities]:
        """The stored predictions that arrive in time; StoreError when none does."""
        texts = set(inputs)
        predictions: dict[str, Probabilities] = {}

        def add(rows: Rows) -> None:
            for key, probabilities, whole_input in rows:
                if (text := key if whole_input is None else whole_input) in texts:
                    predictions[text] = {label: round(p, DECIMALS) for label, p in (probabilities or {}).items()}

        try:
            async with asyncio.timeout(self.timeout):
                await self._run(self._statements.get(model_version, texts), add)
        except Exception as error:
            if not predictions:
                raise self._failure(error, self.timeout) from error
        return predictions

    async def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> None:
        await self._write(self._statements.put(model_version, predictions))

    async def log(self, calls: Sequence[Call]) -> None:
        await self._log.add(calls)

    async def calls(self, caller_id: str, hour: datetime) -> AsyncIterator[Call]:
        after = BEFORE_ALL
        while True:
            page = await self._rows(self._statements.page(caller_id, hour, after))
            for after, *answer in page:
                yield call_of(caller_id, after, *answer)
            if len(page) < PAGE:
                return

    async def call(self, caller_id: str, called_at: UUID) -> Call | None:
        rows = await self._rows(self._statements.call(caller_id, called_at))
        return call_of(caller_id, called_at, *rows[0]) if rows else None

    async def correct(self, corrections: Sequence[Correction]) -> None:
        await self._write(self._statements.correct(corrections))

    async def corrects(self, caller_id: str) -> bool:
        found: list[Any] = []
        await self._look_up([self._statements.corrects(caller_id)], found.extend)
        return bool(found)

    async def corrected(self, caller_id: str, texts: Sequence[str]) -> dict[str, str]:
        digests = {text: digest(text) for text in texts}
        found: list[tuple[UUID, bytes, str]] = []
        await self._look_up(self._statements.corrected(caller_id, list(digests.values())), found.extend)
        labels = {key: label for _, key, label in sorted(found, key=lambda row: row[0].time)}  # the latest one stays
        return {text: labels[key] for text, key in digests.items() if key in labels}

    async def corrections(self) -> AsyncIterator[Correction]:
        """In threads: the driver turns the pages of a whole table, and waits for each."""
        pages = await self._page(self._session.execute, self._statements.corrections(), timeout=PAGE_TIMEOUT)
        while True:
            for row in pages.current_rows:
                yield Correction(*row[:-1], row[-1] or "")
            if not pages.has_more_pages:
                return
            await self._page(pages.fetch_next_page)

    async def correction(self, caller_id: str, text: str) -> Correction | None:
        rows = await self._rows(self._statements.correction(caller_id, text))
        return Correction(*rows[0][:-1], rows[0][-1] or "") if rows else None

    async def ask(self, questions: Sequence[Question]) -> None:
        await self._write(self._review.ask(questions))

    async def questions(self, since: datetime) -> AsyncIterator[Question]:
        hours = await self._question_hours(since)
        async for question in read_questions(self._review, hours, self._rows):
            yield question

    async def _question_hours(self, since: datetime) -> list[datetime]:
        """The hours that may have questions, newest first."""
        if self._settings.log_ttl:
            return recent_hours(since, self._settings.log_ttl)
        rows = await self._page(self._session.execute, self._review.hours(), timeout=PAGE_TIMEOUT)
        found = [hour.replace(tzinfo=UTC) for (hour,) in await asyncio.to_thread(list, rows)]
        return sorted((hour for hour in found if hour >= start_of_hour(since)), reverse=True)

    async def question(self, question_id: UUID) -> Question | None:
        rows = await self._rows(self._review.question(question_id))
        return question_of(*rows[0]) if rows else None

    async def decide(self, decisions: Sequence[Decision]) -> None:
        """Where some of a decision's rows are written and others fail, the whole decision is written once more."""
        await self._write(statement for decision in decisions for statement in self._deciding(decision))

    def _deciding(self, decision: Decision) -> Iterator[Statement]:
        reviewer, at = decision.caller_id, decision.decided_at
        if decision.undoes:
            yield from self._statements.retract(reviewer, decision.input, decision.undoes)
        if decision.state == LABELLED:
            correction = Correction(reviewer, at, decision.input, decision.label, decision.reason)
            yield from self._statements.correct([correction])
        update = self._review.decide(decision.question_id, at, decision.state, decision.label, reviewer)
        if update:
            yield self._statements.note(reviewer, timeuuid.hour(decision.question_id))
            yield update

    async def close(self) -> None:
        await self._log.close()
        await asyncio.to_thread(self._cluster.shutdown)

    async def _rows(self, statement: Statement) -> Rows:
        """The rows of a statement that no answer waits for, and that may take longer."""
        try:
            async with asyncio.timeout(PAGE_TIMEOUT):
                return await self._send(statement)
        except Exception as error:
            raise self._failure(error, PAGE_TIMEOUT) from error

    async def _look_up(self, statements: Iterable[Statement], add: Callable[[Rows], None]) -> None:
        try:
            async with asyncio.timeout(self.timeout):
                await self._run(statements, add)
        except Exception as error:
            raise self._failure(error, self.timeout) from error

    async def _page(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await asyncio.to_thread(read, *args, **kwargs)
        except Exception as error:
            raise self._failure(error, PAGE_TIMEOUT) from error

    async def _log_group(self, group: list[Sequence[Call]]) -> None:
        try:
            await self._write(self._statements.log(call for calls in group for call in calls))
        except StoreError:
            self._statements.forget_hours()
            raise

    async def _write(self, statements: Iterable[Statement]) -> None:
        try:
            await self._run(statements, lambda rows: None, self.timeout)
        except Exception as error:
            raise self._failure(error, self.timeout) from error

    async def _run(
        self, statements: Iterable[Statement], add: Callable[[Rows], None], timeout: float | None = None
    ) -> None:
        """Run the statements, up to PARALLEL at once, each within `timeout` seconds; `add` gets the rows of each."""
        todo = iter(statements)

        async def run(statement: Statement | None) -> None:
            while statement is not None:
                async with asyncio.timeout(timeout):
                    add(await self._send(statement))
                statement = next(todo, None)

        first = list(islice(todo, PARALLEL))
        if len(first) == 1:  # nearly always: one text, no tasks
            return await run(first[0])
        async with asyncio.TaskGroup() as tasks:
            for statement in first:
                tasks.create_task(run(statement))

    def _send(self, statement: Statement) -> asyncio.Future[Rows]:
        """A future for the statement's rows."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        answer: asyncio.Future[Rows] = loop.create_future()

        def settle(rows: Rows | None, error: Exception | None) -> None:
            if threading.get_ident() == thread:
                _settle(answer, rows, error)
            else:  # a failure: those of a lost connection are told in other threads, too
                loop.call_soon_threadsafe(_settle, answer, rows, error)

        self._executor.execute(statement, settle)
        return answer

    def _failure(self, error: Exception, timeout: float) -> StoreError:
        if isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, TimeoutError):
            return StoreError(f"{self.name}: no answer within {timeout:g} s")
        return explain(error, self._settings)


def _settle(answer: asyncio.Future[Rows], rows: Rows | None, error: Exception | None) -> None:
    if answer.done():  # the request was cancelled, or its time is over
        return
    if error is None:
        answer.set_result(rows or ())
    else:
        answer.set_exception(error)
