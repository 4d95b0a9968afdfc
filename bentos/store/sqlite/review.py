"""What is asked of the review queue's table: the statements, and the rows that they read and write."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from bentos.store import Correction, timeuuid
from bentos.store.questions import LABELLED, Decision, Question
from bentos.store.sqlite import statements

PAGE = 200  # rows in memory at once
NEWEST = (2**62, 0, b"")  # a key after all others

Key = tuple[int, int, bytes]  # called_hour, called_time and called_at
Write = tuple[str, Sequence[tuple[Any, ...]]]  # a statement, and the rows to execute it with

ASK = f"INSERT OR IGNORE INTO spam_review VALUES ({', '.join('?' * 13)})"
DECIDE = (
    "UPDATE spam_review SET state = ?, answer = ?, reviewer = ?, decided_at = ?"
    " WHERE called_hour = ? AND called_time = ? AND called_at = ?"
)
RETRACT = "DELETE FROM spam_corrections WHERE input = ? AND caller_id = ? AND corrected_at = ?"
_COLUMNS = (
    "called_at, caller_id, input, model_version, result, probability, reason, state, answer, reviewer, decided_at"
)


def question_row(question: Question) -> tuple[Any, ...]:
    call = (question.caller_id, question.input, question.model_version, question.label, question.probability)
    decided_at = question.decided_at and question.decided_at.bytes
    decision = (question.state, question.answer, question.reviewer, decided_at)
    return (*_key(question.id), *call, question.reason, *decision)


def decision_writes(decision: Decision) -> Iterator[Write]:
    """The statements of one decision: they belong into one transaction."""
    reviewer, at = decision.caller_id, decision.decided_at
    shown = (decision.state, decision.label, reviewer, at.bytes)
    yield DECIDE, [(*shown, *_key(decision.question_id))]
    if decision.undoes:
        yield RETRACT, [(decision.input, reviewer, decision.undoes.bytes)]
    if decision.state == LABELLED:
        correction = Correction(reviewer, at, decision.input, decision.label, decision.reason)
        yield statements.CORRECT, [statements.correction_row(correction)]


def read_correction(connection: sqlite3.Connection, caller_id: str, text: str) -> Correction | None:
    query = "SELECT corrected_at, label, reason FROM spam_corrections WHERE input = ? AND caller_id = ?"
    row = connection.execute(query, (text, caller_id)).fetchone()
    return row and Correction(caller_id, UUID(bytes=row[0]), text, row[1], row[2])


def read_questions(connection: sqlite3.Connection, since: datetime, before: Key) -> tuple[list[Question], Key]:
    """The page of questions that precedes the key `before`, newest first, and the key of its last."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM spam_review"
        " WHERE called_hour >= ? AND (called_hour, called_time, called_at) < (?, ?, ?)"
        " ORDER BY called_hour DESC, called_time DESC, called_at DESC LIMIT ?",
        (int(since.replace(minute=0, second=0, microsecond=0).timestamp()), *before, PAGE),
    ).fetchall()
    questions = [_question(*row) for row in rows]
    return questions, _key(questions[-1].id) if questions else before


def read_question(connection: sqlite3.Connection, question_id: UUID) -> Question | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM spam_review WHERE called_hour = ? AND called_time = ? AND called_at = ?",
        _key(question_id),
    ).fetchone()
    return row and _question(*row)


def _key(question_id: UUID) -> Key:
    return int(timeuuid.hour(question_id).timestamp()), question_id.time, question_id.bytes


def _question(called_at: bytes, *columns: Any) -> Question:
    *values, decided_at = columns
    return Question(UUID(bytes=called_at), *values, decided_at and UUID(bytes=decided_at))
