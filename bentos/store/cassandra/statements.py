"""The statements for Cassandra: prepared once, and bound to the values of each request."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cassandra.cluster import Session
from cassandra.query import UNSET_VALUE, BatchStatement, BatchType, BoundStatement, Statement

from bentos.settings import Settings
from bentos.store import MODEL, Call, Correction, Probabilities, digest, timeuuid
from bentos.store.cassandra.cluster import keyspace_of
from bentos.store.cassandra.schema import TABLES, full_name
from registry.model.artifact import DECIMALS

KEY_BYTES = 65_535 - 2 * 3  # of a partition key of two texts: each takes three bytes more than its own
DIGESTED = ":sha256"  # the end of the model version in the key of an input that is too long; no version's key ends so
LOOKUP = 20  # inputs a statement; Astra DB allows no more
BATCH_ROWS, BATCH_BYTES = 100, 256 * 1024  # of the log at once
ANSWER = "input, model_version, result, from_cache, probability, alias, source"
HOUR = 3600  # seconds
NOTED = 10_000  # partitions of the log that a process remembers
PAGE = 200  # rows of the log, or of the feedback, at once


class Statements:
    """Prepared on `session`, whose keyspace needs not be set. Creating it blocks, and raises what the driver raises:
    for a keyspace, a table or a column that is missing, too.
    """

    def __init__(self, session: Session, settings: Settings) -> None:
        cache, log, hours, feedback, corrected, _ = (full_name(keyspace_of(settings), table) for table in TABLES)
        select = f"SELECT input, prediction_map, whole_input FROM {cache}"
        self._get = session.prepare(f"{select} WHERE model_version = ? AND input = ?")
        self._get_many = session.prepare(f"{select} WHERE model_version = ? AND input IN ?")
        self._put = session.prepare(
            f"INSERT INTO {cache} (model_version, input, confidence, prediction_map, result, stored_at, whole_input)"
            f" VALUES (?, ?, ?, ?, ?, now(), ?) USING TTL {settings.cache_ttl}"
        )
        self._log = session.prepare(
            f"INSERT INTO {log} (caller_id, called_hour, called_at, {ANSWER})"
            f" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) USING TTL {settings.log_ttl}"
        )
        # An hour's row outlives its calls, the last of which may be an hour younger, by another hour.
        lifetime = settings.log_ttl and settings.log_ttl + 2 * HOUR
        self._hour = session.prepare(f"INSERT INTO {hours} (caller_id, called_hour) VALUES (?, ?) USING TTL {lifetime}")
        self._noted: OrderedDict[tuple[str, datetime], float] = OrderedDict()  # partition -> until when it is noted
        self._page = session.prepare(
            f"SELECT called_at, {ANSWER} FROM {log}"
            f" WHERE caller_id = ? AND called_hour = ? AND called_at > ? ORDER BY called_at LIMIT {PAGE}"
        )
        self._call = session.prepare(
            f"SELECT {ANSWER} FROM {log} WHERE caller_id = ? AND called_hour = ? AND called_at = ?"
        )
        self._correction = session.prepare(
            f"SELECT caller_id, corrected_at, input, label, reason FROM {feedback}"
            " WHERE input_sha256 = ? AND caller_id = ?"
        )
        self._retract = session.prepare(
            f"DELETE FROM {feedback} USING TIMESTAMP ? WHERE input_sha256 = ? AND caller_id = ?"
        )
        self._unindex = session.prepare(
            f"DELETE FROM {corrected} USING TIMESTAMP ? WHERE caller_id = ? AND digest = ? AND input_sha256 = ?"
        )
        self._correct = session.prepare(
            f"INSERT INTO {feedback} (input_sha256, caller_id, corrected_at, input, label, reason)"
            f" VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL {settings.feedback_ttl}"
        )
        self._index = session.prepare(
            f"INSERT INTO {corrected} (caller_id, digest, input_sha256, label, corrected_at) VALUES (?, ?, ?, ?, ?)"
            f" USING TIMESTAMP ? AND TTL {settings.feedback_ttl}"
        )
        self._corrects = session.prepare(f"SELECT digest FROM {corrected} WHERE caller_id = ? LIMIT 1")
        self._corrected = session.prepare(
            f"SELECT corrected_at, digest, label FROM {corrected} WHERE caller_id = ? AND digest IN ?"
        )
        self._corrections = session.prepare(f"SELECT caller_id, corrected_at, input, label, reason FROM {feedback}")
        self._corrections.fetch_size = PAGE

    def get(self, model_version: str, inputs: Collection[str]) -> Iterator[Statement]:
        """Rows (input, prediction_map, whole_input); the last is None where `input` is the input itself."""
        keys: dict[str, list[str]] = {}
        for text in inputs:
            partition, key = cache_key(model_version, text)
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
            partition, key = cache_key(model_version, text)
            result = max(prediction, key=prediction.__getitem__)
            whole = UNSET_VALUE if key is text else text  # None would be written, as a tombstone
            yield self._put.bind((partition, key, prediction[result], prediction, result, whole))

    def log(self, calls: Iterable[Call]) -> Iterator[Statement]:
        """The rows of a caller's hour in one batch, or in a few when they are many."""
        partitions: dict[tuple[str, datetime], list[BoundStatement]] = {}
        for call in calls:
            hour = timeuuid.hour(call.called_at)
            answer = (call.input, call.model_version, call.result, call.from_cache)
            probability = UNSET_VALUE if call.probability is None else call.probability
            row = (call.caller_id, hour, call.called_at, *answer, probability, call.alias, call.source)
            partitions.setdefault((call.caller_id, hour), []).append(self._log.bind(row))
        for partition, rows in partitions.items():
            if self._is_new(partition):
                yield self._hour.bind(partition)
            yield from _batches(rows)

    def _is_new(self, partition: tuple[str, datetime]) -> bool:
        """Whether the partition must be noted: once an hour, since its row may have to outlive calls that waited."""
        now = time.monotonic()
        if self._noted.get(partition, 0.0) > now:
            return False
        self._noted[partition] = now + HOUR
        if len(self._noted) > NOTED:
            self._noted.popitem(last=False)
        return True

    def note(self, caller_id: str, hour: datetime) -> Statement:
        """Note that something of the caller's is in this hour: a reviewer's name, for one who is to be erased."""
        return self._hour.bind((caller_id, hour))

    def forget_hours(self) -> None:
        """A write has failed, perhaps that of an hour: note them all anew."""
        self._noted.clear()

    def page(self, caller_id: str, hour: datetime, after: UUID) -> Statement:
        """Rows (called_at and the columns of ANSWER) that follow `after`, oldest first."""
        return self._page.bind((caller_id, hour, after))

    def call(self, caller_id: str, called_at: UUID) -> Statement:
        """One row of the columns of ANSWER, or none."""
        return self._call.bind((caller_id, timeuuid.hour(called_at), called_at))

    def correct(self, corrections: Iterable[Correction]) -> Iterator[Statement]:
        """Written with the time of the correction: one that waited does not replace a later one that did not."""
        for correction in corrections:
            key = feedback_key(correction.input)
            at, label = correction.corrected_at, correction.label
            written = timeuuid.microseconds(at)
            row = (key, correction.caller_id, at, correction.input, label, correction.reason)
            yield self._correct.bind((*row, written))
            yield self._index.bind((correction.caller_id, digest(correction.input), key, label, at, written))

    def correction(self, caller_id: str, text: str) -> Statement:
        """One row (caller_id, corrected_at, input, label, reason), or none."""
        return self._correction.bind((feedback_key(text), caller_id))

    def retract(self, caller_id: str, text: str, corrected_at: UUID) -> Iterator[Statement]:
        """Take back the correction of that moment: a later one stays, and this one, if it waits, has no effect."""
        written = timeuuid.microseconds(corrected_at)
        key = feedback_key(text)
        yield self._retract.bind((written, key, caller_id))
        yield self._unindex.bind((written, caller_id, digest(text), key))

    def corrects(self, caller_id: str) -> Statement:
        """A row if the caller has sent corrections."""
        return self._corrects.bind((caller_id,))

    def corrected(self, caller_id: str, digests: Sequence[bytes]) -> Iterator[Statement]:
        """Rows (corrected_at, digest, label) of the caller's corrections; a digest may have several."""
        for start in range(0, len(digests), LOOKUP):
            yield self._corrected.bind((caller_id, digests[start : start + LOOKUP]))

    def corrections(self) -> Statement:
        """Rows (caller_id, corrected_at, input, label, reason) in pages; those of one text follow one another."""
        return self._corrections.bind(())


def call_of(caller_id: str, called_at: UUID, *answer: Any) -> Call:
    """The call of a row with the columns of ANSWER, which are null where nobody has written them."""
    text, model_version, result, from_cache, probability, alias, source = answer
    rounded = None if probability is None else round(probability, DECIMALS)
    said = (text or "", model_version or "", result or "", bool(from_cache))
    return Call(caller_id, called_at, *said, rounded, alias or "", source or MODEL)


def feedback_key(text: str) -> str:
    """The key of a text's corrections, however long it is: SHA-256, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def cache_key(model_version: str, text: str) -> tuple[str, str]:
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
        weight = sum(len(value) for value in row.values if value is not UNSET_VALUE)
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
