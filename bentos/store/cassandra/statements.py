"""The statements for Cassandra: prepared once, and bound to the values of each request."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, BoundStatement, Statement

from bentos.settings import Settings
from bentos.store import Call, Correction, Probabilities, timeuuid
from bentos.store.cassandra.cluster import keyspace_of
from bentos.store.cassandra.schema import CACHE, FEEDBACK, LOG, full_name

KEY_BYTES = 65_535 - 2 * 3  # of a partition key of two texts: each takes three bytes more than its own
DIGESTED = ":sha256"  # the end of the model version in the key of an input that is too long; no version's key ends so
LOOKUP = 20  # inputs a statement; Astra DB allows no more
BATCH_ROWS, BATCH_BYTES = 100, 256 * 1024  # of the log at once
PAGE = 200  # rows of the log, or of the feedback, at once


class Statements:
    """Prepared on `session`, whose keyspace needs not be set. Creating it blocks, and raises what the driver raises:
    for a keyspace, a table or a column that is missing, too.
    """

    def __init__(self, session: Session, settings: Settings) -> None:
        cache, log, feedback = (full_name(keyspace_of(settings), table) for table in (CACHE, LOG, FEEDBACK))
        select = f"SELECT input, prediction_map, whole_input FROM {cache}"
        self._get = session.prepare(f"{select} WHERE model_version = ? AND input = ?")
        self._get_many = session.prepare(f"{select} WHERE model_version = ? AND input IN ?")
        self._put = session.prepare(
            f"INSERT INTO {cache} (model_version, input, confidence, prediction_map, result, stored_at, whole_input)"
            f" VALUES (?, ?, ?, ?, ?, now(), ?) USING TTL {settings.cache_ttl}"
        )
        self._log = session.prepare(
            f"INSERT INTO {log} (caller_id, called_hour, called_at, input, model_version, result, from_cache)"
            f" VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL {settings.log_ttl}"
        )
        self._page = session.prepare(
            f"SELECT called_at, input, model_version, result, from_cache FROM {log}"
            f" WHERE caller_id = ? AND called_hour = ? AND called_at > ? ORDER BY called_at LIMIT {PAGE}"
        )
        self._call = session.prepare(
            f"SELECT input, model_version, result, from_cache FROM {log}"
            " WHERE caller_id = ? AND called_hour = ? AND called_at = ?"
        )
        self._correct = session.prepare(
            f"INSERT INTO {feedback} (input_sha256, caller_id, corrected_at, input, label)"
            " VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
        )
        self._corrections = session.prepare(f"SELECT caller_id, corrected_at, input, label FROM {feedback}")
        self._corrections.fetch_size = PAGE

    def get(self, model_version: str, inputs: Collection[str]) -> Iterator[Statement]:
        """Rows (input, prediction_map, whole_input); the last is None where `input` is the input itself."""
        keys: dict[str, list[str]] = {}
        for text in inputs:
            partition, key = _key(model_version, text)
            keys.setdefault(partition, []).append(key)
        for partition, texts in keys.items():
            for start in range(0, len(texts), LOOKUP):
                chunk = texts[start : start + LOOKUP]
                if len(chunk) == 1:  # goes straight to a node that has it
                    yield self._get.bind((partition, chunk[0]))
                else:
                    yield self._get_many.bind((partition, chunk))

    def put(self, model_version: str, predictions: Mapping[str, Probabilities]) -> Iterator[Statement]:
        """One statement a prediction: each has a partition of its own."""
        for text, prediction in predictions.items():
            partition, key = _key(model_version, text)
            result = max(prediction, key=prediction.__getitem__)
            whole = UNSET_VALUE if key is text else text  # None would be written, as a tombstone
            yield self._put.bind((partition, key, prediction[result], prediction, result, whole))

    def log(self, calls: Iterable[Call]) -> Iterator[Statement]:
        """The rows of a caller's hour in one batch, or in a few when they are many."""
        partitions: dict[tuple[str, datetime], list[BoundStatement]] = {}
        for call in calls:
            hour = timeuuid.hour(call.called_at)
            row = (call.caller_id, hour, call.called_at, call.input, call.model_version, call.result, call.from_cache)
            partitions.setdefault((call.caller_id, hour), []).append(self._log.bind(row))
        for rows in partitions.values():
            yield from _batches(rows)

    def page(self, caller_id: str, hour: datetime, after: UUID) -> Statement:
        """Rows (called_at, input, model_version, result, from_cache) that follow `after`, oldest first."""
        return self._page.bind((caller_id, hour, after))

    def call(self, caller_id: str, called_at: UUID) -> Statement:
        """One row (input, model_version, result, from_cache), or none."""
        return self._call.bind((caller_id, timeuuid.hour(called_at), called_at))

    def correct(self, corrections: Iterable[Correction]) -> Iterator[Statement]:
        """Written with the time of the correction: one that waited does not replace a later one that did not."""
        for correction in corrections:
            digest = hashlib.sha256(correction.input.encode()).hexdigest()
            row = (digest, correction.caller_id, correction.corrected_at, correction.input, correction.label)
            yield self._correct.bind((*row, timeuuid.microseconds(correction.corrected_at)))

    def corrections(self) -> Statement:
        """Rows (caller_id, corrected_at, input, label) in pages; those of one text follow one another."""
        return self._corrections.bind(())


def _key(model_version: str, text: str) -> tuple[str, str]:
    """The key of an input.

    It is the text, or, if it is too long, its SHA-256 under a model version ending in `:sha256`, which no real version
    has.
    """
    encoded = text.encode()
    if len(encoded) + len(model_version.encode()) <= KEY_BYTES:
        return model_version, text
    return model_version + DIGESTED, hashlib.sha256(encoded).hexdigest()


def _batches(rows: list[BoundStatement]) -> Iterator[Statement]:
    """Rows of one partition, as few statements as the bounds on rows and bytes allow."""
    batch: list[BoundStatement] = []
    size = 0
    for row in rows:
        weight = sum(len(value) for value in row.values)
        if batch and (len(batch) == BATCH_ROWS or size + weight > BATCH_BYTES):
            yield _batch(batch)
            batch, size = [], 0
        batch.append(row)
        size += weight
    yield _batch(batch)


def _batch(rows: list[BoundStatement]) -> Statement:
    if len(rows) == 1:
        return rows[0]
    batch = BatchStatement(BatchType.UNLOGGED)  # one partition: applied as one write, and nothing to undo
    batch.add_all(rows, [None] * len(rows))
    return batch
