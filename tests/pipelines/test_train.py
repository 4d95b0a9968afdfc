"""Training on a small split."""

import numpy as np
import pytest

from pipelines import train
from tests.pipelines.small import HAM, SPAM, split, variant


@pytest.fixture(scope="module")
def trainings():
    """Two trainings of a wide and deep variant on the same messages: (model, tokenizer, (epoch, loss) of each)."""

    def fit():
        losses = []
        messages = split(HAM, SPAM, copies=2)
        settings = variant(
            recurrent_dropout=0.0
        )  # as `lstm` has it; with it TensorFlow takes twice the time to compile
        fitted = train.fit(settings, messages, lambda epoch, loss, *_: losses.append((epoch, loss)))
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
