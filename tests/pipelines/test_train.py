"""Training on a small split."""

import numpy as np
import pytest

from pipelines import train
from pipelines.model.backend import keras
from tests.pipelines.small import HAM, SPAM, split, variant


@pytest.fixture(scope="module")
def trainings():
    """Two trainings of a wide and deep variant on the same messages: (model, tokenizer, (epoch, loss) of each)."""

    def fit():
        losses = []
        messages = split(HAM, SPAM, copies=2)
        fitted = train.fit(variant(), messages, lambda epoch, loss, *_: losses.append((epoch, loss)))
        return fitted.model, fitted.tokenizer, losses

    return fit(), fit()


def test_training_twice_gives_the_same_weights_and_losses(trainings):
    (first, words, losses), (second, other_words, other_losses) = trainings
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert words.to_json() == other_words.to_json() and losses == other_losses


def test_the_wide_part_is_epoch_0_and_the_network_learns_on_top_of_it(trainings):
    (model, _, losses), _ = trainings
    assert [epoch for epoch, _ in losses] == [0, 1] and all(0 < loss < 1 for _, loss in losses)
    assert {layer.name for layer in model.layers} > {"deep", "table", "calibration"}


def test_a_step_is_that_of_keras_at_every_length_and_is_traced_once():
    def model():
        ids, offset = keras.Input((None,), dtype="int32"), keras.Input((2,))
        pooled = keras.layers.GlobalMaxPooling1D()(keras.layers.Embedding(9, 2, embeddings_initializer="ones")(ids))
        return keras.Model([ids, offset], keras.layers.Softmax()(pooled + offset))

    ours, theirs = model(), model()
    theirs.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    step = train.training_step(ours, keras.optimizers.Adam(0.1))
    offset, labels = np.float32([[0, 1], [0, 2], [3, 0]]), np.int32([0, 1, 1])
    for length in (5, 5, 9):
        ids = np.random.default_rng(length).integers(9, size=(3, length), dtype=np.int32)
        loss = step(ids, offset, labels)
        assert float(loss) == pytest.approx(theirs.train_on_batch([ids, offset], labels))
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], atol=1e-6)
    assert step.experimental_get_tracing_count() == 1
