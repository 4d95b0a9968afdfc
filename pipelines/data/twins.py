"""Near-twins: messages that are alike but not the same, such as two drafts of one advertisement.

A model that is trained on a message and tested on its near-twin looks better than it is, so both must lie in one split.
"""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from pipelines.data.cleaning import fold

_ROWS_AT_ONCE = 1000  # of the similarity matrix: bounds its memory


def twin_groups(texts: list[str], similarity: float) -> np.ndarray:
    """A group number for each text, int (n,): two near-twins have the same, and so has a chain of near-twins.

    Near-twins have a Jaccard index of `similarity` or more over the sets of character 4-grams of their folded texts.
    """
    folded = [f"  {fold(text)}  " for text in texts]  # padded: the shortest text still has a 4-gram
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(4, 4), binary=True, lowercase=False, dtype=np.int32)
    incidence = vectorizer.fit_transform(folded)
    sizes = np.asarray(incidence.sum(axis=1)).ravel()
    edges = []
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        shared = (incidence[start : start + _ROWS_AT_ONCE] @ incidence.T).tocoo()
        row = shared.row + start
        alike = shared.data >= similarity * (sizes[row] + sizes[shared.col] - shared.data)
        edges.append(np.stack([row[alike], shared.col[alike]]))
    row, col = np.concatenate(edges, axis=1)
    graph = sp.coo_matrix((np.ones(len(row)), (row, col)), shape=(len(texts), len(texts)))
    return connected_components(graph)[1]
