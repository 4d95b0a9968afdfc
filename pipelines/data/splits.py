"""The splits train, validation and test: how messages are divided into them, their tables, and how stages read them.

`prepare` writes a table train.csv, validation.csv and test.csv, a row a message: id, line, group, label, text, source
(the corpus's name, or `feedback`), part and kind.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

SPLITS = ("train", "validation", "test")
COLUMNS = ["id", "line", "group", "label", "text", "source", "part", "kind"]


@dataclass(frozen=True)
class Split:
    """The messages of one split. `actual` holds indices into `labels`, `groups` the numbers that near-twins share.

    Both are int32 (n,). `origins` says where each message is from: its corpus, or corpus/part where that has parts.
    """

    ids: list[str]
    texts: list[str]
    actual: np.ndarray
    groups: np.ndarray
    labels: tuple[str, ...]
    origins: list[str]

    def part(self, index: np.ndarray) -> "Split":
        """The messages at these positions, int (m,)."""
        ids, texts, origins = ([values[i] for i in index] for values in (self.ids, self.texts, self.origins))
        return Split(ids, texts, self.actual[index], self.groups[index], self.labels, origins)

    @property
    def corpora(self) -> list[str]:
        """Each message's corpus."""
        return [origin.partition("/")[0] for origin in self.origins]

    @property
    def in_part(self) -> list[bool]:
        """Which messages are from a corpus with parts. Only those are varied by `slots`, and held out part by part."""
        return ["/" in origin for origin in self.origins]

    @property
    def independent(self) -> np.ndarray:
        """Group numbers, int (n,), by which to hold messages out: a part of a corpus whole, elsewhere near-twins.

        What is learnt on all parts but one is then judged as it will be on messages from somewhere else.
        """
        if not any(self.in_part):
            return self.groups
        rows = zip(self.origins, self.in_part, self.groups, strict=True)
        names = [origin if in_part else f"{origin} {group}" for origin, in_part, group in rows]
        return np.unique(names, return_inverse=True)[1]


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
    """Write the three tables of `rows` (COLUMNS and split)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        rows.loc[rows["split"] == name, COLUMNS].to_csv(folder / f"{name}.csv", index=False)


def read(folder: Path, name: str, sources: Collection[str] | None = None) -> Split:
    """Read the split `name`, or its messages from these sources. All splits number the labels alike: `labels_of`."""
    table = read_table(folder, name)
    return to_split(table if sources is None else table[table["source"].isin(sources)], labels_of(folder))


def labels_of(folder: Path) -> tuple[str, ...]:
    """The labels of the training split, sorted."""
    return tuple(sorted(read_table(folder, "train")["label"].unique()))


def to_split(table: pd.DataFrame, labels: tuple[str, ...]) -> Split:
    """The messages of a table (COLUMNS), all of them texts."""
    actual = np.array([labels.index(label) for label in table["label"]], dtype=np.int32)
    groups = table["group"].to_numpy(dtype=np.int32)
    origins = table["source"].str.cat(table["part"].where(table["part"] == "", "/" + table["part"])).tolist()
    return Split(table["id"].tolist(), table["text"].tolist(), actual, groups, labels, origins)


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """A table as it was written, every cell a text."""
    # keep_default_na: a message may read "NA" or "null"
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)


def join(splits: Sequence[Split]) -> Split:
    """The messages of several splits as one."""
    lists = ([value for split in splits for value in getattr(split, name)] for name in ("ids", "texts", "origins"))
    ids, texts, origins = lists
    actual, groups = (np.concatenate([getattr(split, name) for split in splits]) for name in ("actual", "groups"))
    return Split(ids, texts, actual, groups, splits[0].labels, origins)


def write_predictions(
    path: Path,
    split: Split,
    predicted: np.ndarray,
    probabilities: np.ndarray | None = None,
    sources: Sequence[str] | None = None,
) -> None:
    """A row a message: id, actual, predicted; p_<label> of probabilities, float (n, labels), and source where given."""
    columns = {
        "id": split.ids,
        "actual": [split.labels[i] for i in split.actual],
        "predicted": [split.labels[i] for i in predicted],
    }
    if probabilities is not None:
        columns |= {f"p_{label}": probabilities[:, i].round(6) for i, label in enumerate(split.labels)}
    if sources is not None:
        columns["source"] = sources
    pd.DataFrame(columns).to_csv(path, index=False)
