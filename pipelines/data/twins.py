"""Near-twins: messages that are alike but not the same, such as two drafts of one advertisement.

A model that is trained on a message and tested on its near-twin looks better than it is, so both must lie in one split.

Comparing each message with each other would take time with the square of their number. Instead, messages are compared
that agree in one of BANDS bands of MinHash values (Broder, 1997; Leskovec, Rajaraman and Ullman, Mining of Massive
Datasets, chapter 3), which two with a Jaccard index of .5 do with probability .9999, and two of .1 with .014.
"""

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from pipelines.data.cleaning import fold

BANDS, ROWS = 143, 4  # MinHash values that must all be equal, in each band
NEIGHBOURS = 100  # in a band, a message is compared with this many of those that agree with it: bounds the time
_PAIRS_AT_ONCE = 100_000  # bounds the memory


def twin_groups(texts: list[str], similarity: float) -> np.ndarray:
    """A group number for each text, int (n,): two near-twins have the same, and so has a chain of near-twins.

    Near-twins have a Jaccard index of `similarity` or more over the sets of character 4-grams of their folded texts.
    """
    folded = [f"  {fold(text)}  " for text in texts]  # padded: the shortest text still has a 4-gram
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(4, 4), binary=True, lowercase=False, dtype=np.int32)
    incidence = vectorizer.fit_transform(folded)
    groups = np.arange(len(texts))
    for band in _bands(incidence):
        order = np.argsort(band, kind="stable")
        for distance in range(1, NEIGHBOURS + 1):
            left, right = order[:-distance], order[distance:]
            agree = band[left] == band[right]
            if not agree.any():
                break
            agree &= groups[left] != groups[right]
            groups = _join(groups, *_alike(incidence, left[agree], right[agree], similarity))
    return groups


def _bands(incidence: sp.csr_matrix) -> Iterator[np.ndarray]:
    """For each band one number for each text, int64 (n,): two texts with equal MinHash values have the same one."""
    random = np.random.default_rng(1)
    filled = np.flatnonzero(np.diff(incidence.indptr))  # a text without any 4-gram has a number of its own
    starts = incidence.indptr[filled]
    for _ in range(BANDS):
        band = -1 - np.arange(incidence.shape[0])
        band[filled] = 0
        for _ in range(ROWS):
            hashes = random.permutation(incidence.shape[1])
            band[filled] = band[filled] * 1_000_003 + np.minimum.reduceat(hashes[incidence.indices], starts)
        yield band


def _alike(
    incidence: sp.csr_matrix, left: np.ndarray, right: np.ndarray, similarity: float
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of texts that are near-twins."""
    sizes = np.diff(incidence.indptr)
    alike = np.zeros(len(left), bool)
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        shared = incidence[left[part]].multiply(incidence[right[part]]).sum(axis=1).A1
        alike[part] = shared >= similarity * (sizes[left[part]] + sizes[right[part]] - shared)
    return left[alike], right[alike]


def _join(groups: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The groups, after those of each pair of texts were made one."""
    if not len(left):
        return groups
    graph = sp.coo_matrix((np.ones(len(left)), (groups[left], groups[right])), shape=(len(groups), len(groups)))
    return connected_components(graph)[1][groups]
