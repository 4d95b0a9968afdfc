"""Fills the cache with predictions that were made elsewhere, so that a new version starts warm.

This is how `python -m pipelines.score INPUT cache` writes into the service's store: it runs `python -m bentos warm`,
and so imports nothing of the service. Standard input has a JSON object a line: `version`, the content key of the
version, `text`, `probabilities`, {label: probability}, and `unfamiliar`. A blank line asks for an answer: once all rows
before it are stored, a line on standard output says how many they are.
"""

import asyncio
import json
import time
from typing import TextIO

from bentos.answering.predictor import cache_row
from bentos.settings import Settings
from bentos.store import MisconfiguredError, Probabilities, Store, StoreError
from bentos.store.backends import open_store
from registry.model.artifact import Prediction

ROWS = 500  # stored at once
PATIENCE = 30.0  # seconds that a store may refuse rows: a database that is busy times out, and takes them later
PAUSE = 0.5  # seconds between two tries


async def warm(settings: Settings, rows: TextIO, output: TextIO) -> None:
    """Store the rows until the input ends. Raises StoreError, also for a line that is no row."""
    store = await open_store(settings)
    try:
        waiting: dict[str, dict[str, Probabilities]] = {}
        stored = count = 0
        for line in rows:
            if line.strip():
                version, text, row = _read(line)
                waiting.setdefault(version, {})[text] = row
                count += 1
            if count == ROWS or not line.strip():
                await _put(store, waiting)
                stored, count, waiting = stored + count, 0, {}
            if not line.strip():
                print(stored, file=output, flush=True)
                stored = 0
        await _put(store, waiting)
    finally:
        await store.close()


def _read(line: str) -> tuple[str, str, Probabilities]:
    """The version's key, the text and what is stored of it."""
    try:
        row = json.loads(line)
        prediction = Prediction(row["probabilities"], row["unfamiliar"])
        return row["version"], row["text"], cache_row(prediction)
    except (ValueError, KeyError, TypeError) as error:  # the message has no text of a caller
        raise StoreError(f"standard input: a line is no prediction: {type(error).__name__}") from None


async def _put(store: Store, waiting: dict[str, dict[str, Probabilities]]) -> None:
    """Store the predictions of each version; try again while the store refuses them, for PATIENCE seconds."""
    for version, predictions in waiting.items():
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                await store.put(version, predictions)
                break
            except MisconfiguredError:
                raise
            except StoreError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(PAUSE)
