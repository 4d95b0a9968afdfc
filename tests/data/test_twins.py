"""The search for near-twins misses none among the corpora's messages."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

from pipelines import params
from pipelines.data.cleaning import fold
from pipelines.data.corpus import read_all
from pipelines.data.twins import twin_groups


@pytest.mark.parametrize("similarity", [0.5, 0.9])
def test_the_groups_are_those_of_comparing_each_message_with_each_other(similarity):
    raw = read_all(params.load().corpora)
    texts = sorted({text for corpus in raw.values() for text in corpus.rows["text"]})[::2]
    groups, expected = twin_groups(texts, similarity), compare_all(texts, similarity)
    assert len(set(groups)) == len(set(expected)) == len(set(zip(groups, expected, strict=True)))


def compare_all(texts, similarity):
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(4, 4), binary=True, lowercase=False, dtype=np.int32)
    incidence = vectorizer.fit_transform(f"  {fold(text)}  " for text in texts)
    sizes = np.asarray(incidence.sum(axis=1)).ravel()
    shared = (incidence @ incidence.T).tocoo()
    alike = shared.data >= similarity * (sizes[shared.row] + sizes[shared.col] - shared.data)
    shared.data = alike.astype(np.int32)
    shared.eliminate_zeros()
    return connected_components(shared)[1]
