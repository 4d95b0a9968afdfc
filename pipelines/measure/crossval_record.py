"""The cross-validation that was kept in pipelines/search/crossval.json, for the model cards.

`python -m pipelines.crossval --record` that file writes it. It takes half an hour, so it is no stage. What it has of a
variant counts where it was measured with the parameters and on the messages that the variant has now.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.data import splits
from pipelines.hashing import sha256_of_json


def messages(prepared: Path) -> splits.Split:
    """Every message of the corpus but those of the test split: what callers sent is nothing to measure on."""
    train, validation = (splits.read(prepared, name) for name in ("train", "validation"))
    source = pd.read_csv(prepared / "train.csv", usecols=["source"])["source"]
    return splits.join([train.part(np.flatnonzero(source == "corpus")), validation])


def messages_sha256(split: splits.Split) -> str:
    """Which messages these are, and their labels."""
    named = sorted(zip(split.ids, (split.labels[i] for i in split.actual), strict=True))
    return sha256_of_json(named)


def find(file: Path, variant: str, parameters: dict[str, Any], prepared: Path) -> dict[str, Any]:
    """The figures of the variant and of those it was tested against; empty where they were measured of another."""
    kept = json.loads(file.read_text())
    found = kept["candidates"].get(variant)
    if (
        found is None
        or found["parameters"] != parameters
        or kept["messages_sha256"] != messages_sha256(messages(prepared))
    ):
        return {}
    shown = {name: dict(kept["candidates"][name]) for name in (variant, *found["against"])}
    for figures in shown.values():
        del figures["parameters"]
    return {name: kept[name] for name in ("repeats", "folds", "messages", "hardest")} | {"candidates": shown}
