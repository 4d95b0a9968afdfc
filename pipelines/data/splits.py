"""The splits train, validation and test: how messages are divided into them, their tables, and how stages read them.

`prepare` writes a table train.csv, validation.csv and test.csv, a row a message: id, line, group, label, text; train
also has `source`, since corrections of callers go there alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

SPLITS = ("train", "validation", "test")
COLUMNS = ["id", "line", "group", "label", "text"]


@dataclass(frozen=True)
class Split:
    """The messages of one split. `actual` holds indices into `labels`, `groups` the numbers that near-twins share.

    Both are int32 (n,).
    """

    ids: list[str]
    texts: list[str]
    actual: np.ndarray
    groups: np.ndarray
    labels: tuple[str, ...]

    def part(self, index: np.ndarray) -> "Split":
        """The messages at these positions, int (m,)."""
        texts = [self.texts[i] for i in index]
        return Split([self.ids[i] for i in index], texts, self.actual[index], self.groups[index], self.labels)


def assign_splits(rows: pd.DataFrame, test: float, validation: float, seed: int) -> pd.Series:
    """The name of each row's split. A group lies in one split, and every split has about the same share of each label.

    `rows` has group and label; `test` and `validation` are shares of all rows.
    """
    names = pd.Series("train", index=rows.index, dtype=object)
    names[_draw(rows, test, seed)] = "test"
    rest = rows[names == "train"]
    names[_draw(rest, validation / (1 - test), seed)] = "validation"
    return names


def _draw(rows: pd.DataFrame, share: float, seed: int) -> pd.Index:
    folds = StratifiedGroupKFold(n_splits=round(1 / share), shuffle=True, random_state=seed)
    labels = rows["label"].to_numpy(dtype=object)
    _, positions = next(folds.split(labels, labels, rows["group"].to_numpy()))
    return rows.index[positions]


def write(rows: pd.DataFrame, folder: Path) -> None:
    """Write the three tables of `rows` (id, line, group, label, text, source, split)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        columns = COLUMNS + ["source"] * (name == "train")
        rows.loc[rows["split"] == name, columns].to_csv(folder / f"{name}.csv", index=False)


def read(folder: Path, name: str) -> Split:
    """Read the split `name`. Every split numbers the labels alike: those of train, sorted."""
    labels = tuple(sorted(read_table(folder, "train")["label"].unique()))
    table = read_table(folder, name)
    actual = np.array([labels.index(label) for label in table["label"]], dtype=np.int32)
    groups = table["group"].to_numpy(dtype=np.int32)
    return Split(table["id"].tolist(), table["text"].tolist(), actual, groups, labels)


def read_table(folder: Path, name: str) -> pd.DataFrame:
    # keep_default_na: a message may read "NA" or "null"
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def join(splits: Sequence[Split]) -> Split:
    """The messages of several splits as one."""
    ids, texts = ([value for split in splits for value in getattr(split, name)] for name in ("ids", "texts"))
    actual, groups = (np.concatenate([getattr(split, name) for split in splits]) for name in ("actual", "groups"))
    return Split(ids, texts, actual, groups, splits[0].labels)


def write_predictions(path: Path, split: Split, predicted: np.ndarray, probabilities: np.ndarray | None = None) -> None:
    """A row a message: id, actual, predicted, and p_<label> where probabilities, float (n, labels), are given."""
    columns = {
        "id": split.ids,
        "actual": [split.labels[i] for i in split.actual],
        "predicted": [split.labels[i] for i in predicted],
    }
    if probabilities is not None:
        columns |= {f"p_{label}": probabilities[:, i].round(6) for i, label in enumerate(split.labels)}
    pd.DataFrame(columns).to_csv(path, index=False)
