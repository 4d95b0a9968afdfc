"""What is asked of the store's SQLite file: the statements, and the rows that they read and write."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from bentos.store import Call, Correction, Probabilities, digest, timeuuid

PAGE = 200  # rows in memory at once
LOOKUP = 500  # inputs a query
HOUR = 3600  # seconds

PUT = "INSERT OR REPLACE INTO spam_cache_items VALUES (?, ?, ?, ?)"
LOG = f"INSERT OR IGNORE INTO spam_calls VALUES ({', '.join('?' * 11)})"
CORRECT = f"INSERT OR REPLACE INTO spam_corrections VALUES ({', '.join('?' * 7)})"
ANSWER = "input, model_version, result, from_cache, probability, alias, source"


def call_row(call: Call) -> tuple[Any, ...]:
    identity = (_hour(call.called_at), call.caller_id, call.called_at.time, call.called_at.bytes)
    answer = (call.input, call.model_version, call.result, call.from_cache, call.probability, call.alias, call.source)
    return (*identity, *answer)


def correction_row(correction: Correction) -> tuple[Any, ...]:
    caller, at = correction.caller_id, correction.corrected_at.bytes
    found_by = (correction.corrected_at.time, digest(correction.input))
    return (correction.input, caller, correction.label, at, correction.reason, *found_by)


def read_predictions(
    connection: sqlite3.Connection, model_version: str, inputs: Sequence[str], newer_than: float
) -> Iterator[tuple[str, Probabilities]]:
    """The predictions stored after `newer_than`, in Unix seconds. One that is damaged comes as an empty one."""
    for start in range(0, len(inputs), LOOKUP):
        chunk = inputs[start : start + LOOKUP]
        rows = connection.execute(
            "SELECT input, prediction_map FROM spam_cache_items WHERE model_version = ? AND stored_at > ?"
            f" AND input IN ({','.join('?' * len(chunk))})",
            (model_version, newer_than, *chunk),
        )
        for text, stored in rows:
            try:
                yield text, orjson.loads(stored)
            except orjson.JSONDecodeError:
                yield text, {}


def read_calls(
    connection: sqlite3.Connection, caller_id: str, hour: datetime, after: tuple[int, bytes]
) -> tuple[list[Call], tuple[int, bytes]]:
    """The page of a caller's calls that follows the key `after`, and the key of its last."""
    rows = connection.execute(
        f"SELECT called_time, called_at, {ANSWER} FROM spam_calls"
        " WHERE called_hour = ? AND caller_id = ? AND (called_time, called_at) > (?, ?)"
        " ORDER BY called_time, called_at LIMIT ?",
        (int(hour.timestamp()), caller_id, *after, PAGE),
    ).fetchall()
    calls = [call_of(caller_id, at, *answer) for _, at, *answer in rows]
    return calls, (rows[-1][0], rows[-1][1]) if rows else after


def read_call(connection: sqlite3.Connection, caller_id: str, called_at: UUID) -> Call | None:
    """The caller's call of this identity."""
    row = connection.execute(
        f"SELECT {ANSWER} FROM spam_calls"
        " WHERE called_hour = ? AND caller_id = ? AND called_time = ? AND called_at = ?",
        (_hour(called_at), caller_id, called_at.time, called_at.bytes),
    ).fetchone()
    return row and call_of(caller_id, called_at.bytes, *row)


def call_of(caller_id: str, called_at: bytes, text: str, key: str, result: str, hit: int, *others: Any) -> Call:
    """The call of a row with the columns of ANSWER."""
    return Call(caller_id, UUID(bytes=called_at), text, key, result, bool(hit), *others)


def has_corrections(connection: sqlite3.Connection, caller_id: str) -> bool:
    query = "SELECT 1 FROM spam_corrections WHERE caller_id = ? LIMIT 1"
    return connection.execute(query, (caller_id,)).fetchone() is not None


def read_corrected(connection: sqlite3.Connection, caller_id: str, digests: Sequence[bytes]) -> dict[bytes, str]:
    """The caller's labels by digest: the latest one of each."""
    query = "SELECT label FROM spam_corrections WHERE caller_id = ? AND digest = ? ORDER BY corrected_time DESC LIMIT 1"
    rows = ((key, connection.execute(query, (caller_id, key)).fetchone()) for key in digests)
    return {key: row[0] for key, row in rows if row}


def read_corrections(connection: sqlite3.Connection, after: tuple[str, str]) -> list[Correction]:
    """The page of corrections that follows the key `after`, an input and a caller."""
    rows = connection.execute(
        "SELECT caller_id, corrected_at, input, label, reason FROM spam_corrections"
        " WHERE (input, caller_id) > (?, ?)"
        " ORDER BY input, caller_id LIMIT ?",
        (*after, PAGE),
    ).fetchall()
    return [Correction(caller, UUID(bytes=at), *others) for caller, at, *others in rows]


def prune(connection: sqlite3.Connection, cache_ttl: int, log_ttl: int, feedback_ttl: int, limit: int) -> bool:
    """Delete up to `limit` rows of each table that outlived its seconds (0 is for ever); True when more may be left."""
    now, deleted = time.time(), [0]
    if cache_ttl:
        deleted.append(
            connection.execute(
                "DELETE FROM spam_cache_items WHERE (model_version, input) IN"
                " (SELECT model_version, input FROM spam_cache_items WHERE stored_at <= ? LIMIT ?)",
                (now - cache_ttl, limit),
            ).rowcount
        )
    if log_ttl:
        deleted.append(
            connection.execute(
                "DELETE FROM spam_calls WHERE (called_hour, caller_id, called_time, called_at) IN"
                " (SELECT called_hour, caller_id, called_time, called_at FROM spam_calls"
                "  WHERE called_hour < ? LIMIT ?)",
                (now - log_ttl - HOUR, limit),  # an hour's last call is up to HOUR younger than called_hour
            ).rowcount
        )
        deleted.append(
            connection.execute(
                "DELETE FROM spam_review WHERE (called_hour, called_time, called_at) IN"
                " (SELECT called_hour, called_time, called_at FROM spam_review WHERE called_hour < ? LIMIT ?)",
                (now - log_ttl - HOUR, limit),
            ).rowcount
        )
    if feedback_ttl:
        expired = timeuuid.first(datetime.fromtimestamp(now - feedback_ttl, UTC)).time
        deleted.append(
            connection.execute(
                "DELETE FROM spam_corrections WHERE (input, caller_id) IN"
                " (SELECT input, caller_id FROM spam_corrections WHERE corrected_time <= ? LIMIT ?)",
                (expired, limit),
            ).rowcount
        )
    return max(deleted) == limit


def _hour(called_at: UUID) -> int:
    return int(timeuuid.hour(called_at).timestamp())
