import numpy as np
import pytest

from pipelines import train
from pipelines.data.splits import Split
from pipelines.model import wide
from pipelines.model.batches import probabilities
from pipelines.params import Wide
from registry.model.tokenizer import Tokenizer
from tests.pipelines.test_export import variant

HAM = ["are we still on for lunch", "see you at home later", "ok call me when you are home", "running late sorry"]
SPAM = ["win a free prize now", "free cash call 09061701461", "claim your prize now", "win cash text now"]
NEWS = ["rain expected in the north", "markets closed higher today", "the minister resigned today", "rain in the south"]


def split(*classes):
    texts = [f"{text} {i}" for texts in classes for i in range(10) for text in texts]
    actual = np.repeat(np.arange(len(classes)), [10 * len(texts) for texts in classes]).astype(np.int32)
    groups = np.array([hash_of for _ in classes for i in range(10) for hash_of in range(i * 4, i * 4 + 4)])
    labels = ("ham", "spam", "news")[: len(classes)]
    return Split([str(i) for i in range(len(texts))], texts, actual, groups, labels)


@pytest.mark.parametrize("classes", [(HAM, SPAM), (HAM, SPAM, NEWS)], ids=["two", "three"])
def test_it_learns_any_number_of_labels_and_keras_scores_as_it_does(classes):
    messages = split(*classes)
    settings = variant(deep=False)
    model, tokenizer = train.fit(settings, messages)
    rows = [tokenizer.encode(text) for text in messages.texts]
    fitted, _ = wide.fit(rows, messages.actual, messages.groups, settings.wide, settings.tokens.buckets)
    logits = wide.score(rows, fitted.table) @ fitted.kernel + fitted.bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = probabilities(model, rows)
    assert np.abs(found - expected).max() < 1e-5
    assert (found.argmax(axis=1) == messages.actual).mean() > 0.95


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


def test_training_twice_gives_the_same_weights():
    messages = split(HAM, SPAM)
    first, _ = train.fit(variant(), messages)
    second, _ = train.fit(variant(), messages)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(a, b)
