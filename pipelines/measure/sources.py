"""What a version catches and blocks of each corpus, and of each slice of the test split, with exact intervals.

A corpus to train on is measured on its test split, a corpus outside on all its messages, also without the near-twins of
messages to train on. Neither touches the metrics, which are of the main corpus's test split alone.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from pipelines.measure.metrics import exact_interval, members
from registry.model.evaluation import Figures, Share, SourceFigures


def by_source(
    table: pd.DataFrame, predicted: np.ndarray, positive: str, trained: Collection[str]
) -> dict[str, SourceFigures]:
    """The figures of each source of `table` (label, source, kind, and twin of those outside; all texts).

    `predicted` are the labels that its messages got, (n,); `trained` names the corpora that the version was trained on.
    """
    outside = "twin" in table
    figures = {}
    for name in table["source"].unique():
        rows = (table["source"] == name).to_numpy()
        own, answers = table[rows], predicted[rows]
        kinds = {
            kind: count(own["label"][own["kind"] == kind], answers[own["kind"] == kind], positive)
            for kind in sorted(set(own["kind"]) - {""})
        }
        new = (own["twin"] != "True").to_numpy() if outside else None
        figures[name] = SourceFigures(
            **count(own["label"], answers, positive).model_dump(),
            trained=name in trained,
            without_twins=count(own["label"][new], answers[new], positive) if outside else None,
            kinds=kinds,
        )
    return figures


def by_slice(texts: Sequence[str], actual: np.ndarray, predicted: np.ndarray, positive: int) -> dict[str, Figures]:
    """The figures of each slice of these messages; `actual` and `predicted` are label indices, int (n,)."""
    is_positive, flagged = actual == positive, predicted == positive
    return {name: _figures(is_positive[inside], flagged[inside]) for name, inside in members(texts).items()}


def count(actual: pd.Series, predicted: np.ndarray, positive: str) -> Figures:
    """The figures of messages with these labels and answers, both texts (n,)."""
    return _figures((actual == positive).to_numpy(), predicted == positive)


def _figures(is_positive: np.ndarray, flagged: np.ndarray) -> Figures:
    """The figures of messages, from which of them are positive and which were flagged, both bool (n,)."""
    caught, blocked = _share(flagged[is_positive]), _share(flagged[~is_positive])
    return Figures(messages=len(flagged), caught=caught, blocked=blocked)


def _share(flagged: np.ndarray) -> Share | None:
    if not len(flagged):
        return None
    low, high = exact_interval(int(flagged.sum()), len(flagged))
    return Share(count=int(flagged.sum()), of=len(flagged), low=low, high=high)


def flat(sources: dict[str, SourceFigures]) -> dict[str, float]:
    """The shares as metrics: `source.NAME.caught`, `source.NAME.blocked`, `source.NAME.without_twins.caught` ..."""
    metrics = {}
    for name, figures in sources.items():
        parts = {f"source.{name}": figures, f"source.{name}.without_twins": figures.without_twins}
        for prefix, part in parts.items():
            shares = {"caught": part.caught, "blocked": part.blocked} if part else {}
            metrics |= {f"{prefix}.{key}": share.count / share.of for key, share in shares.items() if share}
    return metrics
