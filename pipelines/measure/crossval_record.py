"""The record of a cross-validation: crossval.json, with all figures of its candidates.

`python -m pipelines.crossval --record pipelines/search/crossval.json` keeps it there for the model cards. It takes half
an hour, so it is no stage. The figures of a variant are valid only for the parameters and the messages that they were
measured with, and the record names both.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data import splits
from pipelines.hashing import sha256_of_json
from pipelines.measure import folds, metrics
from pipelines.measure.folds import FoldPredictions

TESTED = ("mcc", "average_precision")  # metrics with a paired test
HARDEST = 15  # messages that keep the average precision down, for `ceiling`


def messages(prepared: Path, corpora: Sequence[str]) -> splits.Split:
    """The messages to cross-validate: of these corpora, those outside the test split."""
    return splits.join([splits.read(prepared, name, corpora) for name in ("train", "validation")])


def messages_sha256(split: splits.Split) -> str:
    """A hash of the messages' ids and labels."""
    return sha256_of_json(sorted(zip(split.ids, (split.labels[i] for i in split.actual), strict=True)))


def summarise(
    predictions: dict[str, list[FoldPredictions]], split: splits.Split, positive: str, references: list[str]
) -> dict[str, dict[str, Any]]:
    """Each candidate's means, intervals, and paired tests against those of the `references` that are candidates."""
    measured = {name: folds.by_fold(rows, split.labels, positive) for name, rows in predictions.items()}
    caught, blocked = metrics.names(split.labels, positive)
    positives = int((split.actual == split.labels.index(positive)).sum())
    of = {"accuracy": len(split.ids), caught: positives, blocked: len(split.ids) - positives}  # the shares
    candidates = {}
    for name, rows in predictions.items():
        count = len({row.fold for row in rows})
        above, _ = folds.others_above(rows, split.labels.index(positive), len(split.ids))
        above = above[:, split.actual == split.labels.index(positive)]
        means = measured[name] | folds.by_repeat(rows, split.labels, positive)
        candidates[name] = {
            **{metric: float(values.mean()) for metric, values in means.items()},
            "intervals": {
                metric: folds.interval(values, count, of.get(metric)) for metric, values in measured[name].items()
            },
            "against": {
                other: _tests(measured[name], measured[other], count)
                for other in references
                if other in measured and other != name
            },
            "ceiling": float(np.mean([folds.ceiling(repeat, HARDEST) for repeat in above])),
        }
    return candidates


def _tests(measured: dict[str, np.ndarray], others: dict[str, np.ndarray], count: int) -> dict[str, dict[str, float]]:
    tests = {metric: folds.paired_test(measured[metric], others[metric], count) for metric in TESTED}
    return {metric: {"difference": difference, "p": p} for metric, (difference, p) in tests.items()}


def figures_of(
    record: Path, variant: str, parameters: dict[str, Any], prepared: Path, corpora: Sequence[str]
) -> dict[str, Any]:
    """The record's figures of the variant and its references.

    Empty where it has none of this variant with these parameters on the messages of these corpora in `prepared`.
    """
    crossval = json.loads(record.read_text())
    candidate = crossval["candidates"].get(variant)
    if candidate is None or candidate["parameters"] != parameters:
        return {}
    if crossval["messages_sha256"] != messages_sha256(messages(prepared, corpora)):
        return {}
    candidates = {name: dict(crossval["candidates"][name]) for name in (variant, *candidate["against"])}
    for figures in candidates.values():
        del figures["parameters"]
    return {name: crossval[name] for name in ("repeats", "folds", "messages", "hardest")} | {"candidates": candidates}
