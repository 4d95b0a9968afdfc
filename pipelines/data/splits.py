"""The prepared splits as the later stages read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Split:
    """One split: `ids` name its messages; `actual` holds indices into `labels`, `groups` the numbers that near-twins
    share, both int32 (n,)."""

    ids: list[str]
    texts: list[str]
    actual: np.ndarray
    groups: np.ndarray
    labels: tuple[str, ...]

    def part(self, index: np.ndarray) -> "Split":
        """The messages at these positions, int (m,)."""
        texts = [self.texts[i] for i in index]
        return Split([self.ids[i] for i in index], texts, self.actual[index], self.groups[index], self.labels)


def read(prepared: Path, name: str) -> Split:
    """Read the split `name`; the labels are those of train, sorted, so that every split numbers them alike."""
    labels = tuple(sorted(_frame(prepared, "train")["label"].unique()))
    frame = _frame(prepared, name)
    actual = np.array([labels.index(label) for label in frame["label"]], dtype=np.int32)
    groups = frame["group"].to_numpy(dtype=np.int32)
    return Split(frame["id"].tolist(), frame["text"].tolist(), actual, groups, labels)


def join(splits: Sequence[Split]) -> Split:
    """The messages of several splits as one."""
    ids, texts = ([value for split in splits for value in getattr(split, name)] for name in ("ids", "texts"))
    actual, groups = (np.concatenate([getattr(split, name) for split in splits]) for name in ("actual", "groups"))
    return Split(ids, texts, actual, groups, splits[0].labels)


def _frame(prepared: Path, name: str) -> pd.DataFrame:
    # keep_default_na: a message may read "NA" or "null"
    return pd.read_csv(prepared / f"{name}.csv", dtype=str, keep_default_na=False)


def write_predictions(path: Path, split: Split, predicted: np.ndarray, probabilities: np.ndarray | None = None) -> None:
    """A row a message: id, actual, predicted, and p_<label> where probabilities, float (n, labels), are known."""
    columns = {
        "id": split.ids,
        "actual": [split.labels[i] for i in split.actual],
        "predicted": [split.labels[i] for i in predicted],
    }
    if probabilities is not None:
        columns |= {f"p_{label}": probabilities[:, i].round(6) for i, label in enumerate(split.labels)}
    pd.DataFrame(columns).to_csv(path, index=False)
