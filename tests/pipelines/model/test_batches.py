"""Batches of messages of about the same length."""

import numpy as np

from pipelines.model.batches import Batches
from pipelines.params import Training

SETTINGS = Training(seed=1, epochs=1, batch=4, learning_rate=0.01, decay="none", word_dropout=0.0)


def batches(lengths, **changes):
    rows = [[2] * length for length in lengths]
    offset, actual = np.ones((len(rows), 2), dtype=np.float32), np.zeros(len(rows), dtype=np.int32)
    return Batches(rows, offset, actual, SETTINGS.model_copy(update=changes))


def test_an_epoch_has_every_message_once_and_the_next_in_another_order():
    drawn = batches(range(1, 41))
    first, second = ([np.count_nonzero(ids, axis=1) for (ids, _), _ in drawn] for _ in range(2))
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(1, 41))
    assert np.concatenate(first).tolist() != np.concatenate(second).tolist()


def test_some_messages_are_learnt_without_the_wide_part():
    offsets = np.concatenate([offset for (_, offset), _ in batches([3] * 400, wide_dropout=0.5)])
    assert 0.3 < (offsets[:, 0] == 0).mean() < 0.7
    assert set(np.unique(offsets)) == {0.0, 1.0}
