"""The outbox: notifications that wait for their receiver in an SQLite file, which survives a kill and a power cut.

One process at a time delivers from it. The newest that wants to takes over from the one before, since it has the newest
settings; a lock on a file beside the outbox keeps two from sending at once.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from registry.file_lock import file_lock

BUSY = 2.0  # seconds that a command waits for another one's write, which takes milliseconds
MOST = 1_000  # notifications that may wait
KEPT = 30 * 24 * 3600.0  # seconds that those which were sent or given up are remembered
DAY = 24 * 3600.0  # seconds
LOOK_EVERY = 0.2  # seconds between two looks at the lock

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given up"
TABLE = """
CREATE TABLE IF NOT EXISTS notifications (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at REAL NOT NULL,
    state TEXT NOT NULL,
    problem TEXT NOT NULL
)
"""
COLUMNS = "number, id, kind, body, created_at, problem"


class OutboxError(Exception):
    """The outbox cannot be used; the message says why."""


class Notification(NamedTuple):
    """`id` is the same at every attempt, `body` is JSON, `created_at` seconds since 1970; `problem` is the last one."""

    number: int
    id: str
    kind: str
    body: str
    created_at: float
    problem: str


class Outbox:
    """The file at `path`, created by the first `add`. Every method raises OutboxError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, kind: str, body: str, once_a_day: str = "") -> bool:
        """Write a notification; it is on disk when this returns. False where it was not needed.

        It is not needed where one of the same kind and the same `once_a_day` was written within the last 24 hours.
        """
        now = time.time()
        with self._connection(create=True) as db:
            db.execute("DELETE FROM notifications WHERE state != ? AND created_at < ?", (WAITING, now - KEPT))
            if once_a_day and _count(db, "kind = ? AND topic = ? AND created_at > ?", kind, once_a_day, now - DAY):
                return False
            if _count(db, "state = ?", WAITING) >= MOST:
                raise OutboxError(f"{MOST} notifications wait in {self.path} already")
            columns = "(id, kind, topic, body, created_at, state, problem)"
            row = (str(uuid.uuid4()), kind, once_a_day, body, now, WAITING, "")
            db.execute(f"INSERT INTO notifications {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return True

    def oldest(self) -> Notification | None:
        """The one that is to be sent next; they are sent in the order in which they were written."""
        return next(iter(self._all(WAITING, limit=1)), None)

    def waiting(self) -> int:
        if not self.path.exists():
            return 0
        with self._connection() as db:
            return _count(db, "state = ?", WAITING)

    def given_up(self) -> list[Notification]:
        """Those that nobody will get, of the last 30 days, oldest first."""
        return self._all(GIVEN_UP)

    def close(self, notification: Notification, state: str = WAITING, problem: str = "") -> None:
        """Note what became of an attempt: SENT, GIVEN_UP, or WAITING for the next one."""
        with self._connection() as db:
            db.execute(
                "UPDATE notifications SET state = ?, problem = ? WHERE number = ?",
                (state, problem, notification.number),
            )

    def is_delivered_now(self) -> bool:
        """Whether a process delivers from it."""
        with file_lock(self._lock_path) as lock:
            return lock is None

    @contextmanager
    def delivering(self) -> Iterator[Callable[[], bool]]:
        """Become the process that delivers; the function says whether it still is the one that should.

        The process before ends when it sees that it should not. Where a newer one comes first, it says False at once.
        """
        mine = str(uuid.uuid4())
        self._lock_path.write_text(mine)

        def still() -> bool:
            return self._lock_path.read_text() == mine

        while still():
            with file_lock(self._lock_path) as lock:
                if lock is not None:
                    yield still
                    return
            time.sleep(LOOK_EVERY)
        yield still

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    def _all(self, state: str, limit: int = -1) -> list[Notification]:
        if not self.path.exists():
            return []
        with self._connection() as db:
            query = f"SELECT {COLUMNS} FROM notifications WHERE state = ? ORDER BY number LIMIT ?"
            return [Notification(*row) for row in db.execute(query, (state, limit))]

    @contextmanager
    def _connection(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction, which is on disk at the end of the block."""
        uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous = EXTRA")  # the folder, too, is on disk then
                db.execute("BEGIN IMMEDIATE")
                db.execute(TABLE)
                with db:
                    yield db
        except sqlite3.Error as error:
            raise OutboxError(f"{self.path}: {error}") from error


def _count(db: sqlite3.Connection, condition: str, *values: object) -> int:
    return db.execute(f"SELECT count(*) FROM notifications WHERE {condition}", values).fetchone()[0]
