"""The call log, the texts of the calls, and the corrections as JSON in ASCII, one object a line.

This is how the registry and the pipeline read the service's store: they run `python -m bentos export` and read its
standard output, so that neither has to import the service. A row is written as soon as it is read.
"""

import json
import sys
from datetime import datetime
from hashlib import sha256
from typing import TextIO

from bentos.settings import Settings
from bentos.store import timeuuid
from bentos.store.backends import open_store, scan_calls, store_name
from bentos.store.spool import CORRECTIONS, DECISIONS, OLD_CORRECTIONS, Spool


def export_calls(settings: Settings, since: datetime, output: TextIO) -> None:
    """Write every call since then, in no order: all but its caller and its text, of which the digest and the length.

    Raises StoreError.
    """
    for call in scan_calls(settings, since):
        row = {
            "version": call.model_version,
            "label": call.result,
            "characters": len(call.input),
            "probability": call.probability,
            "alias": call.alias,
            "source": call.source,
            "from_cache": call.from_cache,
            "text_sha256": sha256(call.input.encode(errors="surrogatepass")).hexdigest(),
            "called_at": timeuuid.moment(call.called_at).isoformat(timespec="microseconds"),
        }
        print(json.dumps(row), file=output)


def export_texts(settings: Settings, since: datetime, output: TextIO) -> None:
    """Write the id and the text of every call since then, in no order. Raises StoreError."""
    for call in scan_calls(settings, since):
        print(json.dumps({"id": str(call.called_at), "text": call.input}), file=output)


async def export_corrections(settings: Settings, output: TextIO) -> None:
    """Write every correction, those of one text one after the other. Without an SQLite file there are none.

    Raises StoreError.
    """
    if store_name(settings) == "sqlite" and not settings.sqlite_path.exists():
        return _notice(f"{settings.sqlite_path} does not exist: there are no corrections")
    if store_name(settings) != "sqlite" and settings.spool_path.exists():
        await _count_waiting(settings)
    store = await open_store(settings)
    try:
        async for correction in store.corrections():
            row = {
                "text": correction.input,
                "label": correction.label,
                "caller": correction.caller_id,
                "corrected_at": timeuuid.moment(correction.corrected_at).isoformat(timespec="microseconds"),
                "reason": correction.reason,
            }
            print(json.dumps(row), file=output)
    finally:
        await store.close()


async def export_review(settings: Settings, since: datetime, output: TextIO) -> None:
    """Write every question since then, newest first: all but who sent the text. Raises StoreError."""
    store = await open_store(settings)
    try:
        async for question in store.questions(since):
            row = {
                "id": str(question.id),
                "text": question.input,
                "version": question.model_version,
                "label": question.label,
                "probability": question.probability,
                "reason": question.reason,
                "state": question.state,
                "answer": question.answer,
                "reviewer": question.reviewer,
                "called_at": timeuuid.moment(question.id).isoformat(timespec="microseconds"),
            }
            print(json.dumps(row), file=output)
    finally:
        await store.close()


async def _count_waiting(settings: Settings) -> None:
    """Say how many corrections are in this host's spool and not in the database yet. Raises StoreError."""
    spool = Spool(settings.spool_path)
    try:
        if waiting := await spool.count([CORRECTIONS, OLD_CORRECTIONS, DECISIONS]):
            _notice(f"{waiting} corrections wait for the database in {spool.path}: export again once it has them")
    finally:
        await spool.close()


def _notice(text: str) -> None:
    print(f"notice: {text}", file=sys.stderr)
