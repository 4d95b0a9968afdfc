"""Erase what Cassandra or Astra DB has of a caller or of a text.

A caller's partitions of the log are known by `spam_caller_hours`, so only these are read. Deleted rows are overwritten
with tombstones; the nodes drop both at a later compaction, after `gc_grace_seconds` (Cassandra's default: 10 days).
"""

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from cassandra.cluster import Session

from bentos.settings import Settings
from bentos.store import Subject, digest
from bentos.store.cassandra.cluster import keyspace_of
from bentos.store.cassandra.schema import TABLES, full_name
from bentos.store.cassandra.session import connected
from bentos.store.cassandra.statements import cache_key, feedback_key

PAGE = 500  # rows in memory at once
TIMEOUT = 30.0  # seconds that a statement may take


def erase(settings: Settings, subject: Subject, version_keys: Collection[str]) -> dict[str, int]:
    """How many rows went, by what they were. The predictions of a text are found in the cache of the versions named,
    and of those that the log has it under. Raises StoreError.
    """
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # a failure is raised
    with connected(settings) as session:
        eraser = _Eraser(session, keyspace_of(settings))
        return eraser.caller(subject.caller_id) if subject.caller_id else eraser.text(subject.text, version_keys)


class _Eraser:
    """The statements of one session, and the number of the rows that they deleted."""

    def __init__(self, session: Session, keyspace: str) -> None:
        self._session = session
        self._names = {table.name: full_name(keyspace, table) for table in TABLES}
        self._prepared: dict[str, Any] = {}
        self.counts = {"cache": 0, "log": 0, "feedback": 0, "review": 0}

    def caller(self, caller: str) -> dict[str, int]:
        """The caller's calls with their cached predictions, the caller's corrections, and the questions on the caller's
        texts with the labels that reviewers gave them. Of a reviewer, the name goes from the questions decided on.
        """
        hours = self._rows("SELECT called_hour FROM {spam_caller_hours} WHERE caller_id = ?", caller)
        for (hour,) in list(hours):
            query = "SELECT model_version, input FROM {spam_calls_per_caller} WHERE caller_id = ? AND called_hour = ?"
            for version, text in self._rows(query, caller, hour):
                self._uncache(version or "", text or "")
                self._uncorrect_text(text or "", reviewed_only=True)
                self.counts["log"] += 1
            self._unask(hour, caller=caller)
            self._run("DELETE FROM {spam_calls_per_caller} WHERE caller_id = ? AND called_hour = ?", caller, hour)
        self._run("DELETE FROM {spam_caller_hours} WHERE caller_id = ?", caller)
        self._uncorrect_caller(caller)
        return self.counts

    def text(self, text: str, version_keys: Collection[str]) -> dict[str, int]:
        """The text's predictions, all callers' calls and corrections of it; every caller's log is read."""
        versions = set(version_keys)
        for caller, hour in self._rows("SELECT caller_id, called_hour FROM {spam_caller_hours}"):
            query = (
                "SELECT called_at, model_version, input FROM {spam_calls_per_caller}"
                " WHERE caller_id = ? AND called_hour = ?"
            )
            for at, version, found in self._rows(query, caller, hour):
                if found == text:
                    versions.add(version or "")
                    self._run(
                        "DELETE FROM {spam_calls_per_caller} WHERE caller_id = ? AND called_hour = ? AND called_at = ?",
                        *(caller, hour, at),
                    )
                    self.counts["log"] += 1
        for (hour,) in list(self._rows("SELECT DISTINCT called_hour FROM {spam_review}")):
            self._unask(hour, text=text)
        for version in versions:
            self._uncache(version, text)
        self._uncorrect_text(text)
        return self.counts

    def _unask(self, hour: datetime, caller: str | None = None, text: str | None = None) -> None:
        """Delete the questions of an hour on the caller's calls, or on the text, and a reviewer's name from others."""
        where = "WHERE called_hour = ? AND called_at = ?"
        query = "SELECT called_at, caller_id, input, reviewer FROM {spam_review} WHERE called_hour = ?"
        for at, asked, found, reviewer in list(self._rows(query, hour)):
            if (caller is not None and asked == caller) or (text is not None and found == text):
                self._run(f"DELETE FROM {{spam_review}} {where}", hour, at)
                self.counts["review"] += 1
            elif caller is not None and reviewer == caller:
                self._run(f"DELETE reviewer FROM {{spam_review}} {where}", hour, at)

    def _uncache(self, version: str, text: str) -> None:
        """Delete the prediction, if there is one: reading first writes no tombstone for what is not there."""
        key = cache_key(version, text)
        where = "FROM {spam_cache_items} WHERE model_version = ? AND input = ?"
        if list(self._rows(f"SELECT input {where}", *key)):
            self._run(f"DELETE {where}", *key)
            self.counts["cache"] += 1

    def _uncorrect_text(self, text: str, reviewed_only: bool = False) -> None:
        """Delete all callers' corrections of the text, or those alone that a reviewer was asked for."""
        sha256 = feedback_key(text)
        query = "SELECT caller_id, reason FROM {spam_feedback} WHERE input_sha256 = ?"
        for caller, reason in list(self._rows(query, sha256)):
            if reason or not reviewed_only:
                self._uncorrect(caller, sha256, digest(text))

    def _uncorrect_caller(self, caller: str) -> None:
        """Delete the caller's corrections, which `spam_corrected` has the digests of."""
        for sha256, key in list(
            self._rows("SELECT input_sha256, digest FROM {spam_corrected} WHERE caller_id = ?", caller)
        ):
            self._uncorrect(caller, sha256, key)

    def _uncorrect(self, caller: str, sha256: str, key: bytes) -> None:
        self._run("DELETE FROM {spam_feedback} WHERE input_sha256 = ? AND caller_id = ?", sha256, caller)
        self._run(
            "DELETE FROM {spam_corrected} WHERE caller_id = ? AND digest = ? AND input_sha256 = ?", caller, key, sha256
        )
        self.counts["feedback"] += 1

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        return iter(self._execute(query, values))

    def _run(self, statement: str, *values: Any) -> None:
        self._execute(statement, values)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> Any:
        if statement not in self._prepared:
            self._prepared[statement] = self._session.prepare(statement.format_map(self._names))
            self._prepared[statement].fetch_size = PAGE
        return self._session.execute(self._prepared[statement], values, timeout=TIMEOUT)
