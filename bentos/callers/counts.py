"""Where the calls of each caller are counted: one file for all workers. The stores of `limits` count per process."""

import fcntl
import sqlite3
import time
from pathlib import Path

from limits.storage import Storage

WAIT = 1.0  # seconds for another worker's write, which takes 20 microseconds
SWEEP = 60.0  # seconds between two removals of windows that have ended: a row a caller is all that is kept

TABLE = "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, hits INTEGER, ends REAL) WITHOUT ROWID"
COUNT = """
    INSERT INTO counts VALUES (:key, :amount, :now + :expiry) ON CONFLICT DO UPDATE SET
        hits = :amount + iif(ends > :now, hits, 0), ends = iif(ends > :now, ends, excluded.ends)
    RETURNING hits
"""


class Counts(Storage):
    """SQLite without waiting for the disk: the counts may go with the machine."""

    STORAGE_SCHEME = None

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._db = sqlite3.connect(path, timeout=WAIT, isolation_level=None)
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the change to WAL waits for nobody, and fails instead
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(TABLE)
        self._db.execute("PRAGMA synchronous = OFF")
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a new window where the last one has ended; return the window's count."""
        now = time.time()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP
            self._db.execute("DELETE FROM counts WHERE ends <= ?", [now])
        values = {"key": key, "amount": amount, "now": now, "expiry": expiry}
        return self._db.execute(COUNT, values).fetchone()[0]

    def get(self, key: str) -> int:
        query = "SELECT hits FROM counts WHERE key = ? AND ends > ?"
        return (self._db.execute(query, [key, time.time()]).fetchone() or [0])[0]

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        return (self._db.execute("SELECT ends FROM counts WHERE key = ?", [key]).fetchone() or [time.time()])[0]

    def check(self) -> bool:
        return bool(self._db.execute("SELECT 1").fetchone())

    def reset(self) -> int:
        return self._db.execute("DELETE FROM counts").rowcount

    def clear(self, key: str) -> None:
        self._db.execute("DELETE FROM counts WHERE key = ?", [key])
