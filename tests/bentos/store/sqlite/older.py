"""What the release with tables of version 2 does to its SQLite file: its schema and its statements."""

import sqlite3
from pathlib import Path

from bentos.store import Call, Correction, timeuuid

APPLICATION_ID, SCHEMA = 0x5350414D, 2
TABLES = """
CREATE TABLE spam_cache_items (
    model_version TEXT NOT NULL, input TEXT NOT NULL, prediction_map TEXT NOT NULL, stored_at INTEGER NOT NULL,
    PRIMARY KEY (model_version, input)
) WITHOUT ROWID;
CREATE INDEX spam_cache_items_by_age ON spam_cache_items (stored_at);
CREATE TABLE spam_calls_per_caller (
    called_hour INTEGER NOT NULL, caller_id TEXT NOT NULL, called_time INTEGER NOT NULL, called_at BLOB NOT NULL,
    input TEXT NOT NULL, model_version TEXT NOT NULL, result TEXT NOT NULL, from_cache INTEGER NOT NULL,
    PRIMARY KEY (called_hour, caller_id, called_time, called_at)
) WITHOUT ROWID;
CREATE TABLE spam_feedback (
    input TEXT NOT NULL, caller_id TEXT NOT NULL, label TEXT NOT NULL, corrected_at BLOB NOT NULL,
    PRIMARY KEY (input, caller_id)
) WITHOUT ROWID;
PRAGMA application_id = 0x5350414D;
PRAGMA user_version = 2;
"""
LOG = "INSERT OR IGNORE INTO spam_calls_per_caller VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
CORRECT = "INSERT OR REPLACE INTO spam_feedback VALUES (?, ?, ?, ?)"
CALLS = (
    "SELECT called_time, called_at, input, model_version, result, from_cache FROM spam_calls_per_caller"
    " WHERE called_hour = ? AND caller_id = ? AND (called_time, called_at) > (?, ?)"
    " ORDER BY called_time, called_at LIMIT ?"
)
CORRECTIONS = (
    "SELECT caller_id, corrected_at, input, label FROM spam_feedback WHERE (input, caller_id) > (?, ?)"
    " ORDER BY input, caller_id LIMIT ?"
)
PRUNE = (
    "DELETE FROM spam_calls_per_caller WHERE (called_hour, caller_id, called_time, called_at) IN"
    " (SELECT called_hour, caller_id, called_time, called_at FROM spam_calls_per_caller"
    "  WHERE called_hour < ? LIMIT ?)"
)


class OlderStore:
    """Uses a file as that release does; it makes a new one, and refuses one whose header it does not know."""

    def __init__(self, path: Path) -> None:
        new = not path.exists()
        self._db = sqlite3.connect(path, isolation_level=None)
        if new:
            self._db.executescript("PRAGMA journal_mode = WAL;" + TABLES)
        header = [self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        assert header == [APPLICATION_ID, SCHEMA], "it would refuse the file"

    def log(self, call: Call) -> None:
        hour = int(timeuuid.hour(call.called_at).timestamp())
        key = (hour, call.caller_id, call.called_at.time, call.called_at.bytes)
        self._db.execute(LOG, (*key, call.input, call.model_version, call.result, call.from_cache))

    def texts(self, like: Call) -> list[str]:
        hour = int(timeuuid.hour(like.called_at).timestamp())
        return [row[2] for row in self._db.execute(CALLS, (hour, like.caller_id, -1, b"", 200))]

    def correct(self, correction: Correction) -> None:
        row = (correction.input, correction.caller_id, correction.label, correction.corrected_at.bytes)
        self._db.execute(CORRECT, row)

    def labels(self) -> list[tuple[str, str, str]]:
        """Caller, text and label of every correction."""
        return [(caller, text, label) for caller, _, text, label in self._db.execute(CORRECTIONS, ("", "", 200))]

    def prune(self, before: int) -> None:
        """Delete the calls of the hours before a Unix time."""
        self._db.execute(PRUNE, (before, 1_000))

    def close(self) -> None:
        self._db.close()
