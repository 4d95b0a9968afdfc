"""Stores labels of questions that people gave elsewhere, as those of the page at `/review`.

This is how `python -m pipelines.review import FILE` writes into the service's store: it runs `python -m bentos label`,
and so imports nothing of the service. Standard input has a JSON object a line: `id` of a question, `label`, empty where
it was skipped, and `reviewer`. Nothing is stored unless every line can be used. At the end a line on standard output
says how many were labelled, skipped, stored before, or on a question that is not there: one of old may have expired.

A label is kept beside those of other reviewers: here, nobody waits for an answer who could be told of another's.
"""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TextIO
from uuid import UUID

from bentos.answering.review import decide
from bentos.settings import Settings
from bentos.store import Store, StoreError
from bentos.store.backends import open_store
from bentos.store.questions import LABELLED, SKIPPED, WAITING
from bentos.store.resilient import CALLER_BYTES
from bentos.versions.copies import known_labels

PATIENCE = 30.0  # seconds that a store may refuse: a database that is busy times out, and answers later
PAUSE = 0.5  # seconds between two tries
UNKNOWN, BEFORE = "unknown", "before"


@dataclass(frozen=True)
class Label:
    """What a reviewer gave a question; an empty label skips it."""

    question_id: UUID
    label: str
    reviewer: str


async def store_labels(settings: Settings, rows: TextIO, output: TextIO) -> None:
    """Store the labels of the input. Raises StoreError, also for a line that is no label; then nothing is stored."""
    known = known_labels(settings.versions_path)
    labels = [_read(line, known) for line in rows if line.strip()]
    store = await open_store(settings)
    try:
        outcomes = Counter([await _stored(store, label) for label in labels])
    finally:
        await store.close()
    print(json.dumps(dict.fromkeys((LABELLED, SKIPPED, BEFORE, UNKNOWN), 0) | outcomes), file=output)


def _read(line: str, known: set[str]) -> Label:
    """`known` are the labels that versions have; empty where that cannot be told."""
    try:
        row = json.loads(line)
        label = Label(UUID(row["id"]), row["label"], row["reviewer"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"standard input: a line is no label: {type(error).__name__}") from None
    if not (isinstance(label.label, str) and isinstance(label.reviewer, str) and label.question_id.version == 1):
        raise StoreError("standard input: a line is no label: its id is no call's, or its label or reviewer no text")
    if not 0 < len(label.reviewer) <= CALLER_BYTES // 4:
        raise StoreError("standard input: a reviewer has no name, or a very long one")
    if label.label and known and label.label not in known:
        raise StoreError(f"{label.label[:50]!r} is no label of a version; there are: {', '.join(sorted(known))}")
    return label


async def _stored(store: Store, label: Label) -> str:
    """What became of it. Raises StoreError once the store has refused for PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await _store(store, label)
        except StoreError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE)


async def _store(store: Store, label: Label) -> str:
    question = await store.question(label.question_id)
    if question is None:
        return UNKNOWN
    state = LABELLED if label.label else SKIPPED
    if (question.state, question.answer, question.reviewer) == (state, label.label, label.reviewer):
        return BEFORE
    if question.state != WAITING and question.reviewer != label.reviewer:
        if state == SKIPPED:
            return BEFORE  # another's label stays
        mine = await store.correction(label.reviewer, question.input)
        if question.state == LABELLED and mine and mine.reason and mine.label == label.label:
            return BEFORE  # the question remembers the last of its reviewers only; a label anew would be of today
    await decide(store, question, label.reviewer, state, label.label)
    return state
