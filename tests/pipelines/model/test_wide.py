import numpy as np
import pytest

from pipelines import train
from pipelines.model import wide
from pipelines.model.batches import probabilities
from pipelines.params import Wide
from registry.model.tokenizer import Tokenizer
from tests.pipelines.small import HAM, NEWS, SPAM, split, variant


@pytest.mark.parametrize("classes", [(HAM, SPAM), (HAM, SPAM, NEWS)], ids=["two", "three"])
def test_it_learns_any_number_of_labels_and_keras_scores_as_it_does(classes):
    messages = split(*classes)
    settings = variant(deep=False)
    model, tokenizer = train.fit(settings, messages)
    rows = [tokenizer.encode(text) for text in messages.texts]
    fitted, _ = wide.fit(rows, messages.actual, messages.groups, settings.wide, settings.tokens.buckets)
    logits = wide.score(rows, fitted.table) @ fitted.kernel + fitted.bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_keras = probabilities(model, rows)
    assert np.abs(by_keras - expected).max() < 1e-5
    assert (by_keras.argmax(axis=1) == messages.actual).mean() > 0.95


def test_held_out_logits_come_from_a_fit_that_has_not_seen_the_message_or_its_twins():
    messages = split(HAM, SPAM)
    odd = np.flatnonzero(messages.groups == 0)
    actual = messages.actual.copy()
    tokenizer = Tokenizer("shapes", (), 300, buckets=4096)
    marked = [f"{text} zebra" if i in odd else text for i, text in enumerate(messages.texts)]
    rows = [tokenizer.encode(text) for text in marked]
    settings = Wide(seed=1, regularisation=1.0, folds=5)
    plain = [tokenizer.encode(text) for text in messages.texts]
    _, with_mark = wide.fit(rows, actual, messages.groups, settings, 4096)
    _, without = wide.fit(plain, actual, messages.groups, settings, 4096)
    assert np.abs(with_mark[odd] - without[odd]).max() < 0.5  # a word that only the held-out twins have says nothing


def test_a_text_without_a_known_n_gram_is_scored_without_a_division_by_zero():
    table = np.zeros((16, 2), dtype=np.float32)
    assert wide.score([{"words": [3], "characters": [0]}], table).tolist() == [[0.0]]
