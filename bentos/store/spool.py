"""Rows that wait for the database, in an SQLite file that outlives the process, its host and a power cut."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bentos.store import StoreError
from bentos.store.sqlite.file import connect
from bentos.store.waiting import CALLS, KINDS, Kind

T = TypeVar("T")


class SpoolError(StoreError):
    """The file cannot be read or written; the message names it."""


class Spool:
    """A queue of each kind, first in, first out. Several processes of one host may share the file.

    Every method raises SpoolError when the file cannot be used; it is tried anew every time. One thread works on the
    file: rows that are added while it writes share the next transaction, and so one wait for the disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "spool")
        self._added: list[tuple[Kind[Any], Sequence[Any], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, rows: Sequence[T], kind: Kind[T] = CALLS) -> None:
        """Append rows; on return they are on disk."""
        done = asyncio.get_running_loop().create_future()
        self._added.append((kind, rows, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await done

    async def oldest(self, limit: int, kind: Kind[T] = CALLS) -> tuple[list[T], int]:
        """Up to `limit` rows in the order they were added, and the mark to remove them by."""
        rows = await self._do(lambda db: db.execute(kind.oldest, (limit,)).fetchall())
        return [kind.read(*row) for _, *row in rows], rows[-1][0] if rows else 0

    async def remove(self, mark: int, kind: Kind[T] = CALLS) -> None:
        """Remove the rows up to a mark that `oldest` gave."""
        await self._do(lambda db: db.execute(f"DELETE FROM {kind.table} WHERE id <= ?", (mark,)))

    async def count(self, kinds: Sequence[Kind[Any]] = KINDS) -> int:
        """How many rows wait, of every kind that is named, those of other processes included."""
        counts = " + ".join(f"(SELECT count(*) FROM {kind.table})" for kind in kinds)
        return await self._do(lambda db: db.execute(f"SELECT {counts}").fetchone()[0])

    @contextmanager
    def replaying(self) -> Iterator[bool]:
        """True for one process at a time: the one that may take rows out. A process that dies lets go of it."""
        try:
            lock = open(f"{self.path}.lock", "w")  # noqa: SIM115 (the failure to open it alone is the spool's)
        except OSError as error:
            raise self._failure(error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = True
            except BlockingIOError:
                mine = False
            yield mine

    async def close(self) -> None:
        """Finish what is under way."""
        if self._writing is not None:
            await self._writing
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    async def _write(self) -> None:
        while self._added:
            group, self._added = self._added, []
            failure = None
            try:
                await self._do(lambda db, group=group: _insert(db, group))
            except SpoolError as error:
                failure = error
            for *_, done in group:
                if done.done():
                    continue
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)
        self._writing = None

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = _open(self.path)
            return work(self._connection)
        except sqlite3.Error as error:
            self._disconnect()
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> SpoolError:
        return SpoolError(f"the spool {self.path} cannot be used: {error}")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    for kind in KINDS:
        connection.execute(kind.create)
    return connection


def _insert(connection: sqlite3.Connection, group: Sequence[tuple[Kind[Any], Sequence[Any], Any]]) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for kind, rows, _ in group:
            connection.executemany(kind.insert, map(kind.row, rows))
