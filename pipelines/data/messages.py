"""What a message is: how its text is cleaned, and when two are the same or alike."""

import hashlib
import re
import unicodedata

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

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


def cleaned(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows (line, label, text) with label and text cleaned, and the text's identity as `id`."""
    rows = rows.assign(label=rows["label"].str.strip(), text=rows["text"].map(clean))
    return rows.assign(id=rows["text"].map(identity))


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
