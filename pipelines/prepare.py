"""Clean the corpus, take out its duplicates and split it so that no near-twin of a test message is trained on.

    python -m pipelines.prepare CORPUS OUT

writes OUT/{train,validation,test}.csv (id, line, group, label, text) and OUT/report.json, the count of every step.
"""

import argparse
import hashlib
import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import corpus, params

SPLITS = ("train", "validation", "test")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_ROWS_AT_ONCE = 1000  # of the similarity matrix: bounds its memory


def clean(text: str) -> str:
    """Unicode NFC without control characters or blanks around it; the words stay as they were written."""
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", text)).strip()


def fold(text: str) -> str:
    """What two messages share when only case, blanks or digits tell them apart."""
    return re.sub(r"\d", "0", " ".join(text.lower().split()))


def identity(text: str) -> str:
    """A short name for a message that stays the same across corpora and splits."""
    return hashlib.sha256(fold(text).encode()).hexdigest()[:12]


def twins(texts: list[str], similarity: float) -> np.ndarray:
    """A group number for each text, int (n,): chains of texts whose character 4-grams are alike share one.

    Alike means a Jaccard index of `similarity` or more over the folded texts' sets of 4-grams.
    """
    folded = [f"  {fold(text)}  " for text in texts]  # padded: the shortest text still has a 4-gram
    grams = CountVectorizer(analyzer="char", ngram_range=(4, 4), binary=True, lowercase=False, dtype=np.int32)
    table = grams.fit_transform(folded)
    size = np.asarray(table.sum(axis=1)).ravel()
    edges = []
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        shared = (table[start : start + _ROWS_AT_ONCE] @ table.T).tocoo()
        row = shared.row + start
        alike = shared.data >= similarity * (size[row] + size[shared.col] - shared.data)
        edges.append(np.stack([row[alike], shared.col[alike]]))
    row, col = np.concatenate(edges, axis=1)
    _, groups = connected_components(sp.coo_matrix((np.ones(len(row)), (row, col)), shape=(len(texts),) * 2))
    return groups


def deduplicate(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row for each distinct message, and none where two of them disagree on its label; with the counts.

    `rows` has line, label, text; the result has id, line, label, text.
    """
    rows = rows.assign(label=rows["label"].str.strip(), text=rows["text"].map(clean))
    filled = rows[(rows["text"] != "") & (rows["label"] != "")]
    filled = filled.assign(id=filled["text"].map(identity))
    agreed = filled[filled.groupby("id")["label"].transform("nunique") == 1]
    distinct = agreed.drop_duplicates("id").reset_index(drop=True)
    counts = {
        "empty": len(rows) - len(filled),
        "conflicting": len(filled) - len(agreed),
        "duplicates": len(agreed) - len(distinct),
    }
    return distinct[["id", "line", "label", "text"]], counts


def split(rows: pd.DataFrame, test: float, validation: float, seed: int) -> pd.Series:
    """Each row's split, by group and stratified by label. `rows` has group and label."""
    names = pd.Series("train", index=rows.index, dtype=object)
    names[_part(rows, test, seed)] = "test"
    rest = rows[names == "train"]
    names[_part(rest, validation / (1 - test), seed)] = "validation"
    return names


def _part(rows: pd.DataFrame, share: float, seed: int) -> pd.Index:
    folds = StratifiedGroupKFold(n_splits=round(1 / share), shuffle=True, random_state=seed)
    labels = rows["label"].to_numpy(dtype=object)
    _, chosen = next(folds.split(labels, labels, rows["group"].to_numpy()))
    return rows.index[chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    settings = params.load()
    try:
        raw = corpus.read(args.corpus, settings.corpus.label, settings.corpus.text)
    except corpus.CorpusError as error:
        raise SystemExit(f"prepare: {error}") from error
    for line, reason in raw.broken[:10]:
        print(f"{args.corpus}:{line}: broken row left out: {reason}")

    rows, counts = deduplicate(raw.rows)
    rows["group"] = twins(rows["text"].tolist(), settings.prepare.twin_similarity)
    names = split(rows, settings.prepare.test, settings.prepare.validation, settings.prepare.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    report = {"rows": len(raw.rows) + len(raw.broken), "broken": len(raw.broken), **counts}
    report |= {"messages": len(rows), "groups": int(rows["group"].nunique())}
    for name in SPLITS:
        part = rows[names == name][["id", "line", "group", "label", "text"]]
        part.to_csv(args.out / f"{name}.csv", index=False)
        report[name] = {"messages": len(part), **part["label"].value_counts().sort_index().to_dict()}
    (args.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    print("prepare:", ", ".join(f"{key} {value}" for key, value in report.items() if not isinstance(value, dict)))


if __name__ == "__main__":
    main()
