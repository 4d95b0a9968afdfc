from dataclasses import replace

import numpy as np
import pytest

from pipelines import train
from pipelines.data.splits import join
from pipelines.model import network, wide
from pipelines.model.batches import probabilities
from pipelines.params import Wide
from registry.model import artifact
from registry.model.tokenizer import Tokenizer
from tests.pipelines.small import HAM, NEWS, SPAM, split, variant


@pytest.mark.parametrize("classes", [(HAM, SPAM), (HAM, SPAM, NEWS)], ids=["two", "three"])
def test_it_learns_any_number_of_labels_and_keras_scores_as_it_does(classes):
    messages = split(*classes)
    settings = variant(deep=False)
    trained = train.fit(settings, messages)
    rows = trained.tokenizer.encode_all(messages.texts)
    fitted, _, _ = wide.fit(rows, messages, settings.wide, settings.tokens.buckets)
    logits = wide.features(wide.score(rows, fitted.table)) @ fitted.kernel + fitted.bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_keras = probabilities(trained.model, rows)
    assert np.abs(by_keras - expected).max() < 1e-5
    assert (by_keras.argmax(axis=1) == messages.actual).mean() > 0.95


def test_held_out_logits_come_from_a_fit_that_has_not_seen_the_message_or_its_twins():
    messages = split(HAM, SPAM)
    odd = np.flatnonzero(messages.groups == 0)
    tokenizer = Tokenizer("shapes", (), 300, buckets=4096)
    marked = [f"{text} zebra" if i in odd else text for i, text in enumerate(messages.texts)]
    rows = tokenizer.encode_all(marked)
    settings = Wide(seed=1, regularisation=1.0, folds=5)
    plain = tokenizer.encode_all(messages.texts)
    _, with_mark, _ = wide.fit(rows, messages, settings, 4096)
    _, without, _ = wide.fit(plain, messages, settings, 4096)
    assert np.abs(with_mark[odd] - without[odd]).max() < 0.5  # a word that only the held-out twins have says nothing


def test_a_text_without_a_known_n_gram_is_scored_without_a_division_by_zero():
    table = np.zeros((16, 2), dtype=np.float32)
    assert wide.score([{"words": [3], "characters": [0]}], table).tolist() == [[0.0]]


def test_the_graph_has_each_row_of_the_table_once_and_every_bucket_its_own():
    table = np.array([[0, 1], [0, 0], [2, 3], [0, 1], [-0.0, 0], [2, 3]], dtype=np.float32)
    distinct, places = wide.distinct_rows(table)
    assert len(distinct) == 4 and places.dtype == np.int32
    assert distinct[places].tobytes() == table.tobytes()


def test_the_known_share_of_the_graph_is_that_of_the_held_out_messages(tmp_path):
    settings, messages = variant(deep=False), split(HAM, SPAM)
    roomy = settings.tokens.model_copy(update={"buckets": 65536})  # no two n-grams share a number
    settings = settings.model_copy(update={"tokens": roomy})
    trained = train.fit(settings, messages)
    onnx = network.to_onnx(settings, trained.model, 2).SerializeToString()
    artifact.write(tmp_path, onnx, trained.tokenizer, messages.labels, {})
    texts = ["win a free prize", "\u09a8\u09ae\u09b8\u09cd\u0995\u09be\u09b0", "zzzz qqqq", ""]
    table = trained.model.get_layer("table").get_weights()[0]
    expected = wide.known_share([trained.tokenizer.encode(text)["characters"] for text in texts], table)
    _, known = artifact.Artifact.load(tmp_path).run(texts)
    assert known == pytest.approx(expected, abs=1e-6)
    assert known[0] > 0.9 > 0.1 > known[1]


def test_corpora_that_contradict_each_other_have_experts_and_a_gate():
    """`win` is spam in one corpus and ham in the other; `home` and `cash` tell which one it is."""
    one = split(["lunch home", "later home"] * 2, ["win home", "free home"] * 2)
    other = split(["win cash", "free cash"] * 2, ["lunch cash", "later cash"] * 2)
    both = join(
        [replace(one, origins=["one"] * 80), replace(other, origins=["other"] * 80, groups=other.groups + 1000)]
    )
    trained = train.fit(variant(deep=False), both)
    answers = probabilities(trained.model, trained.tokenizer.encode_all(both.texts))
    columns = trained.model.get_layer("table").get_weights()[0].shape[1]
    assert columns == 7  # an SVM of all, two experts, two detectors, a gate, and the frequencies
    assert (answers.argmax(axis=1) == both.actual).mean() > 0.95
