"""The LSTM of the models computes what Keras's own does, with a mask and with dropout."""

import numpy as np
import pytest

from pipelines.model.backend import keras, tf
from pipelines.model.recurrent import RightPaddedLSTM

UNITS, WIDTH = 5, 4
LENGTHS = np.array([7, 1, 4, 0], dtype=np.int32)
MASK = np.arange(LENGTHS.max()) < LENGTHS[:, None]
X = np.random.default_rng(1).normal(size=(*MASK.shape, WIDTH)).astype(np.float32)


def both(bidirectional=False, dropout=0.0, recurrent_dropout=0.0, return_sequences=False):
    """The layer and Keras's own with the same weights, far from small, and the same seeds."""
    settings = {"dropout": dropout, "recurrent_dropout": recurrent_dropout, "return_sequences": return_sequences}
    keras.utils.set_random_seed(1)
    ours, theirs = RightPaddedLSTM(UNITS, bidirectional, **settings), keras.layers.LSTM(UNITS, **settings)
    theirs = keras.layers.Bidirectional(theirs) if bidirectional else theirs
    theirs(X, mask=MASK)
    ours(X, LENGTHS)
    weights = [2 * weight + 0.1 for weight in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    if not bidirectional:  # else Keras has seeds for each direction
        ours.seeds.state.assign(theirs.cell.seed_generator.state)
    return ours, theirs


def output_and_gradients(layer, *masking, training=False, x=X, **named):
    """What the layer gives for real tokens, and its gradients with respect to x and each weight."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer(x, *masking, training=training, **named)
        if len(output.shape) == 3:
            output *= MASK[:, : x.shape[1], None].astype(np.float32)
        loss = tf.reduce_sum(output**2 + output)
    return [output, *tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])]


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_outputs_and_gradients_are_those_of_keras(bidirectional, return_sequences):
    ours, theirs = both(bidirectional, return_sequences=return_sequences)
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    same(output_and_gradients(ours, LENGTHS), output_and_gradients(theirs, mask=MASK))


@pytest.mark.parametrize(("dropout", "recurrent_dropout"), [(0.4, 0.0), (0.0, 0.4), (0.4, 0.4)])
def test_dropout_is_that_of_keras_from_the_same_seed(dropout, recurrent_dropout):
    ours, theirs = both(dropout=dropout, recurrent_dropout=recurrent_dropout)
    dropped = output_and_gradients(ours, LENGTHS, training=True)
    same(dropped, output_and_gradients(theirs, mask=MASK, training=True))
    assert not np.allclose(dropped[0], ours(X, LENGTHS), atol=0.01)


def test_predicting_draws_no_masks_so_it_does_not_change_the_training():
    ours, _ = both(dropout=0.4, recurrent_dropout=0.4)
    before = ours.seeds.state.numpy()
    ours(X, LENGTHS)
    assert np.array_equal(ours.seeds.state.numpy(), before)
    ours(X, LENGTHS, training=True)
    assert not np.array_equal(ours.seeds.state.numpy(), before)


def test_padding_changes_nothing():
    ours, _ = both(bidirectional=True)
    longer = np.concatenate([X, np.ones_like(X)], axis=1)
    same([ours(X, LENGTHS)], [ours(longer, LENGTHS)])


def test_a_new_layer_begins_as_one_of_keras():
    ours, theirs = RightPaddedLSTM(64), keras.layers.LSTM(64)
    ours(X, LENGTHS)
    theirs(X)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.std() == pytest.approx(b.std(), rel=0.1) and a.mean() == pytest.approx(b.mean(), abs=0.02)
    kernel, bias = ours.get_weights()[1:]
    assert np.allclose(kernel @ kernel.T, np.eye(64), atol=1e-5) and np.array_equal(bias, theirs.get_weights()[2])


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for (a, b), tolerance in zip(zip(ours, theirs, strict=True), [1e-5] + [1e-4] * len(ours), strict=False):
        np.testing.assert_allclose(a, b, atol=tolerance)
