"""What a model makes of messages from somewhere else: each origin is held out whole, and judged by the others.

An origin is a corpus, or a part of a corpus that was written independently of its other parts. That is the honest
figure for messages of tomorrow; a random split only asks for more of the same.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import wilcoxon
from sklearn.metrics import roc_auc_score

from pipelines.data import splits
from pipelines.measure.folds import FoldPredictions, caught_at
from pipelines.measure.metrics import exact_interval

BOUNDS = (0.01, 0.03)  # shares of the others blocked, for the share caught by a threshold that keeps them
TINY = 1e-6

Record = dict[str, Any]


def summarise(
    predictions: dict[str, list[FoldPredictions]], split: splits.Split, positive: str, references: list[str]
) -> Record:
    """Each candidate's figures by origin and over all parts, and paired tests against the `references`.

    A corpus without parts has figures of its own alone: a model that never saw it is none that anybody would use. A
    label is the more probable one.
    """
    number = split.labels.index(positive)
    candidates = {}
    for name, rows in predictions.items():
        own = {split.origins[row.positions[0]]: _origin(row, number) for row in rows}
        parts = [row for row in rows if split.in_part[row.positions[0]]]
        candidates[name] = {"origins": own, **_pooled(parts or rows, number)}
    for name, figures in candidates.items():
        others = [other for other in references if other in candidates and other != name]
        figures["against"] = {other: _test(figures["origins"], candidates[other]["origins"]) for other in others}
    return {"candidates": candidates}


def _origin(row: FoldPredictions, positive: int) -> Record:
    """The counts caught and blocked with exact intervals, and the area under the ROC curve."""
    truth, flagged = row.actual == positive, row.predicted == positive
    return {
        "caught": _share(flagged[truth]),
        "blocked": _share(flagged[~truth]),
        "auc": float(roc_auc_score(truth, row.scores)),
    }


def _share(flagged: np.ndarray) -> dict[str, float]:
    low, high = exact_interval(int(flagged.sum()), len(flagged))
    return {"count": int(flagged.sum()), "of": len(flagged), "low": low, "high": high}


def _pooled(rows: list[FoldPredictions], positive: int) -> Record:
    """Figures over these origins together, each ranked by another model."""
    truth = np.concatenate([row.actual == positive for row in rows])
    scores = np.concatenate([row.scores for row in rows])
    flagged = np.concatenate([row.predicted == positive for row in rows])
    figures = {
        "auc": float(roc_auc_score(truth, scores)),
        "caught": float(flagged[truth].mean()),
        "blocked": float(flagged[~truth].mean()),
        **{f"caught_at_{bound:.0%}": caught_at(truth, scores, bound) for bound in BOUNDS},
    }
    return figures | ({"temperature": temperature(truth, scores)} if rows[0].calibrated else {})


def temperature(truth: np.ndarray, probability: np.ndarray) -> float:
    """What to divide the logits by, so that the probabilities fit best (Guo et al., 2017); above 1: too sure."""
    clipped = np.clip(probability.astype(float), TINY, 1 - TINY)
    logits = np.log(clipped / (1 - clipped))

    def loss(value: float) -> float:
        return float(np.logaddexp(0, np.where(truth, -1, 1) * logits / value).mean())

    return float(minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x)


def _test(own: Record, other: Record) -> Record:
    """The mean difference in AUC over the parts that both have, and the p of Wilcoxon's signed-rank test."""
    both = sorted(own.keys() & other.keys())
    both = [origin for origin in both if "/" in origin] or both  # the parts, as in the figures over all
    difference = np.array([own[origin]["auc"] - other[origin]["auc"] for origin in both])
    p = float(wilcoxon(difference).pvalue) if difference.any() else 1.0
    return {"auc": {"difference": float(difference.mean()), "p": p}}


def format_table(record: Record) -> str:
    """Markdown: a table of the candidates over all origins, and one of each candidate's origins."""
    candidates = record["candidates"]
    names = ["auc", "caught", "blocked", *(f"caught_at_{bound:.0%}" for bound in BOUNDS), "temperature"]
    lines = [["candidate", *names, "AUC against"], ["---"] * (len(names) + 2)]
    for name, figures in candidates.items():
        tests = (
            f"{other} {t['auc']['difference']:+.4f}, p {t['auc']['p']:.3f}" for other, t in figures["against"].items()
        )
        lines.append([name, *(f"{figures[key]:.4f}" if key in figures else "" for key in names), "; ".join(tests)])
    blocks = ["\n".join("| " + " | ".join(line) + " |" for line in lines)]
    for name, figures in candidates.items():
        rows = [[name, "caught", "blocked", "AUC"], ["---"] * 4]
        rows += [
            [origin, _format(own["caught"]), _format(own["blocked"]), f"{own['auc']:.4f}"]
            for origin, own in figures["origins"].items()
        ]
        blocks.append("\n".join("| " + " | ".join(row) + " |" for row in rows))
    return "\n\n".join(blocks)


def _format(share: dict[str, float]) -> str:
    return f"{share['count'] / share['of']:.1%} [{share['low']:.1%}, {share['high']:.1%}] of {share['of']}"
