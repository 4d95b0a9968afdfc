"""The statements of the review queue for Cassandra: prepared once, and bound to the values of each request.

A partition has the questions on the calls of one hour, which are few: what a worker takes up in an hour is bounded.
What a person decides is written over the columns of the row. Nothing is set to null, and no row is deleted but by
`python -m bentos erase`, so whoever reads a partition meets no tombstones; rows expire with the calls that they are on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cassandra.cluster import Session
from cassandra.query import BoundStatement, Statement

from bentos.settings import Settings
from bentos.store import timeuuid
from bentos.store.cassandra.cluster import keyspace_of
from bentos.store.cassandra.executor import Rows
from bentos.store.cassandra.schema import REVIEW, full_name
from bentos.store.questions import WAITING, Question
from registry.model.artifact import DECIMALS

PAGE = 200  # rows in memory at once
AT_ONCE = 32  # hours
NEWEST = UUID("ffffffff-ffff-1fff-bf7f-7f7f7f7f7f7f")  # the last of all version 1 UUIDs in Cassandra's order
_COLUMNS = "caller_id, input, model_version, result, probability, reason, state, answer, reviewer, decided_at"


class ReviewStatements:
    """Prepared on `session`. Creating it blocks, and raises what the driver raises."""

    def __init__(self, session: Session, settings: Settings) -> None:
        review = full_name(keyspace_of(settings), REVIEW)
        self._ttl = settings.log_ttl
        self._ask = session.prepare(
            f"INSERT INTO {review} (called_hour, called_at, caller_id, input, model_version, result, probability,"
            " reason, state, answer, reviewer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL ? AND TIMESTAMP ?"
        )
        self._decide = session.prepare(
            f"UPDATE {review} USING TTL ? AND TIMESTAMP ? SET state = ?, answer = ?, reviewer = ?, decided_at = ?"
            " WHERE called_hour = ? AND called_at = ?"
        )
        self._page = session.prepare(
            f"SELECT called_at, {_COLUMNS} FROM {review} WHERE called_hour = ? AND called_at < ?"
            f" ORDER BY called_at DESC LIMIT {PAGE}"
        )
        self._question = session.prepare(
            f"SELECT called_at, {_COLUMNS} FROM {review} WHERE called_hour = ? AND called_at = ?"
        )
        self._hours = session.prepare(f"SELECT DISTINCT called_hour FROM {review}")

    def ask(self, questions: Sequence[Question]) -> Iterator[Statement]:
        """Written with the time of the call: what was decided meanwhile stays."""
        for question in questions:
            row = (*_key(question.id), question.caller_id, question.input, question.model_version, question.label)
            row += (question.probability, question.reason, question.state, question.answer, question.reviewer)
            yield self._ask.bind((*row, self._ttl, timeuuid.microseconds(question.id)))

    def decide(
        self, question_id: UUID, decided_at: UUID, state: str, label: str, reviewer: str
    ) -> BoundStatement | None:
        """None where the row has expired, which an update would bring back without its text."""
        left = self._ttl and self._ttl - int(time.time() - timeuuid.microseconds(question_id) / 1e6)
        if left < 0 or (self._ttl and left == 0):
            return None
        values = (left, timeuuid.microseconds(decided_at), state, label, reviewer, decided_at)
        return self._decide.bind((*values, *_key(question_id)))

    def page(self, hour: datetime, before: UUID) -> Statement:
        """Rows of an hour, newest first, for `question_of`."""
        return self._page.bind((hour, before))

    def question(self, question_id: UUID) -> Statement:
        """One row for `question_of`, or none."""
        return self._question.bind(_key(question_id))

    def hours(self) -> Statement:
        """The keys of all partitions, for where questions are kept for ever."""
        return self._hours.bind(())


async def read_questions(
    statements: ReviewStatements, hours: Sequence[datetime], rows_of: Callable[[Statement], Awaitable[Rows]]
) -> AsyncIterator[Question]:
    """The questions of these hours. The first pages of several are read at once: most hours have one."""
    for start in range(0, len(hours), AT_ONCE):
        chunk = hours[start : start + AT_ONCE]
        pages = await asyncio.gather(*(rows_of(statements.page(hour, NEWEST)) for hour in chunk))
        for hour, page in zip(chunk, pages, strict=True):
            while page:
                for question in filter(None, (question_of(*row) for row in page)):
                    yield question
                full = len(page) == PAGE
                page = await rows_of(statements.page(hour, page[-1][0])) if full else ()


def recent_hours(since: datetime, lifetime: int) -> list[datetime]:
    """The hours from `since` on whose rows have not outlived `lifetime` seconds, newest first.

    The first one is to come: the clock of another machine may be ahead.
    """
    now = timeuuid.hour(timeuuid.now())
    first = max(start_of_hour(since), now - timedelta(seconds=lifetime))
    return [now - timedelta(hours=ago) for ago in range(-1, 1 + (now - first) // timedelta(hours=1))]


def start_of_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def question_of(called_at: UUID, *columns: Any) -> Question | None:
    """The question of a row; None for what is left of one that has expired."""
    caller, text, version, label, probability, reason, state, answer, reviewer, decided_at = columns
    if text is None or reason is None:
        return None
    answered = (caller or "", text, version or "", label or "", round(probability or 0.0, DECIMALS))
    return Question(called_at, *answered, reason, state or WAITING, answer or "", reviewer or "", decided_at)


def _key(question_id: UUID) -> tuple[datetime, UUID]:
    return timeuuid.hour(question_id), question_id
