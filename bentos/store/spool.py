"""The outbox: rows that wait for the database in an SQLite file, which survives a kill and a power cut.

An older release may share the file while it is replaced. It takes rows out of its own tables alone, so that it loses
no column that it does not know; this release empties these too.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

from bentos.store import Call, Correction, MisconfiguredError, StoreError, Subject
from bentos.store.group_commit import GroupCommit
from bentos.store.questions import Decision
from bentos.store.sqlite.file import check_write, connect, use_write_ahead_log
from bentos.store.sqlite.statements import call_of
from bentos.store.threads import WorkerThreads
from registry.file_lock import file_lock

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of row, which waits in a queue of its own.

    `write` is the store's method that takes the rows. `columns` of its table, with their types; `values` takes a row
    apart into them, `row` puts it together again.
    """

    write: str
    table: str
    columns: dict[str, str]
    values: Callable[[T], tuple[Any, ...]]
    row: Callable[..., T]

    @property
    def create(self) -> str:
        columns = ", ".join(f"{name} {type_}" for name, type_ in self.columns.items())
        return f"CREATE TABLE IF NOT EXISTS {self.table} (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})"

    @property
    def insert(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({', '.join('?' * len(self.columns))})"

    @property
    def oldest(self) -> str:
        return f"SELECT id, {', '.join(self.columns)} FROM {self.table} ORDER BY id LIMIT ?"


_CALL = {
    "caller_id": "TEXT NOT NULL",
    "called_at": "BLOB NOT NULL",
    "input": "TEXT NOT NULL",
    "model_version": "TEXT NOT NULL",
    "result": "TEXT NOT NULL",
    "from_cache": "INTEGER NOT NULL",
}
_CORRECTION = {
    "caller_id": "TEXT NOT NULL",
    "corrected_at": "BLOB NOT NULL",
    "input": "TEXT NOT NULL",
    "label": "TEXT NOT NULL",
}


def _call_values(call: Call) -> tuple[Any, ...]:
    row = (call.caller_id, call.called_at.bytes, call.input, call.model_version, call.result, call.from_cache)
    return (*row, call.probability, call.alias, call.source)


def _correction_values(row: Correction) -> tuple[Any, ...]:
    return (row.caller_id, row.corrected_at.bytes, row.input, row.label, row.reason)


def _correction_row(caller: str, at: bytes, text: str, label: str, reason: str = "") -> Correction:
    return Correction(caller, UUID(bytes=at), text, label, reason)


def _decision_values(row: Decision) -> tuple[Any, ...]:
    undoes = row.undoes and row.undoes.bytes
    said = (row.input, row.reason, row.state, row.label)
    return (row.question_id.bytes, row.caller_id, row.decided_at.bytes, *said, undoes)


def _decision_row(question: bytes, caller: str, at: bytes, *said: Any) -> Decision:
    *others, undoes = said
    return Decision(UUID(bytes=question), caller, UUID(bytes=at), *others, undoes and UUID(bytes=undoes))


CALLS = Kind[Call](
    "log",
    "waiting_answers",
    _CALL | {"probability": "REAL", "alias": "TEXT NOT NULL", "source": "TEXT NOT NULL"},
    _call_values,
    call_of,
)
CORRECTIONS = Kind[Correction](
    "correct", "waiting_labels", _CORRECTION | {"reason": "TEXT NOT NULL"}, _correction_values, _correction_row
)
# Of the release before: this one adds nothing to the next two.
OLD_CALLS = Kind[Call]("log", "waiting_calls", _CALL, lambda call: _call_values(call)[: len(_CALL)], call_of)
OLD_CORRECTIONS = Kind[Correction](
    "correct", "waiting_corrections", _CORRECTION, lambda row: _correction_values(row)[:-1], _correction_row
)
DECISIONS = Kind[Decision](
    "decide",
    "waiting_decisions",
    {
        "question_id": "BLOB NOT NULL",
        "caller_id": "TEXT NOT NULL",
        "decided_at": "BLOB NOT NULL",
        "input": "TEXT NOT NULL",
        "reason": "TEXT NOT NULL",
        "state": "TEXT NOT NULL",
        "label": "TEXT NOT NULL",
        "undoes": "BLOB",
    },
    _decision_values,
    _decision_row,
)
KINDS = (CALLS, CORRECTIONS, OLD_CALLS, OLD_CORRECTIONS, DECISIONS)


class SpoolError(StoreError):
    """The file cannot be read or written; the message names it."""


class Spool:
    """A queue of each kind, first in, first out. Several processes of one host may share the file.

    Every method raises SpoolError when the file cannot be used; it is tried anew every time. One thread works on the
    file, and writes what is added in groups.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = WorkerThreads("spool")
        self._writes = GroupCommit(lambda group: self._do(_insert, group))

    async def add(self, rows: Sequence[T], kind: Kind[T] = CALLS) -> None:
        """Append rows; on return they are on disk."""
        await self._writes.add((kind, rows))

    async def oldest(self, limit: int, kind: Kind[T] = CALLS) -> tuple[list[T], int]:
        """Up to `limit` rows in the order they were added, and the mark to remove them by."""
        rows = await self._do(lambda db: db.execute(kind.oldest, (limit,)).fetchall())
        return [kind.row(*values) for _, *values in rows], rows[-1][0] if rows else 0

    async def remove(self, mark: int, kind: Kind[T] = CALLS) -> None:
        """Remove the rows up to a mark that `oldest` gave."""
        await self._do(lambda db: db.execute(f"DELETE FROM {kind.table} WHERE id <= ?", (mark,)))

    async def count(self, kinds: Sequence[Kind[Any]] = KINDS) -> int:
        """How many rows of these kinds wait, those of other processes included."""
        counts = " + ".join(f"(SELECT count(*) FROM {kind.table})" for kind in kinds)
        return await self._do(lambda db: db.execute(f"SELECT {counts}").fetchone()[0])

    def replaying(self) -> AbstractContextManager[bool]:
        """True for one process at a time: the one that may take rows out. The lock ends with its process."""
        return replay_lock(self.path)

    async def close(self) -> None:
        """Finish what is under way."""
        await self._writes.close()
        await self._thread.run(self._disconnect)
        self._thread.shutdown()

    def _do(self, work: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Call `work(connection, *args)` in the spool's thread."""
        return self._thread.run(self._work, work, *args)

    def _work(self, work: Callable[..., T], *args: Any) -> T:
        try:
            if self._connection is None:
                self._connection = _open(self.path)
            return work(self._connection, *args)
        except sqlite3.Error as error:
            self._disconnect()
            raise _failure(self.path, error) from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def replay_lock(path: Path) -> Iterator[bool]:
    """Whether this process has got the lock of those who take rows out. Raises SpoolError."""
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(file_lock(Path(f"{path}.lock")))
        except OSError as error:
            raise _failure(path, error) from error
        yield lock is not None


def erase_waiting(path: Path, subject: Subject) -> int:
    """Delete the rows of a caller or of a text; how many there were.

    Raises SpoolError, also where a reviewer's decision waits: whose text it is about is known to the database alone.
    """
    column, value = ("input", subject.text) if subject.caller_id is None else ("caller_id", subject.caller_id)
    try:
        with closing(_open(path)) as connection:
            connection.execute("PRAGMA secure_delete = ON")
            if subject.caller_id and connection.execute(f"SELECT 1 FROM {DECISIONS.table} LIMIT 1").fetchone():
                raise SpoolError(f"decisions of reviewers wait in {path}: try again once a service has moved them")
            deleted = [
                connection.execute(f"DELETE FROM {kind.table} WHERE {column} = ?", (value,)).rowcount for kind in KINDS
            ]
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return sum(deleted)
    except sqlite3.Error as error:
        raise _failure(path, error) from error


def check_writable(path: Path) -> None:
    """Raises MisconfiguredError for a file that cannot be created or written."""
    try:
        with closing(_open(path)) as connection:
            check_write(connection)
    except sqlite3.Error as error:
        raise MisconfiguredError(f"SPOOL_PATH={path} cannot be written: {error}") from error


def _failure(path: Path, error: Exception) -> SpoolError:
    return SpoolError(f"the spool {path} cannot be used: {error}")


def _open(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    use_write_ahead_log(connection)
    for kind in KINDS:
        connection.execute(kind.create)
    return connection


def _insert(connection: sqlite3.Connection, group: list[tuple[Kind[Any], Sequence[Any]]]) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for kind, rows in group:
            connection.executemany(kind.insert, map(kind.values, rows))
