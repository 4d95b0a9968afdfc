"""What the benchmark of the training counts."""

import numpy as np
import pytest

from tests.benchmarks.epoch import Epochs
from tests.benchmarks.training import BATCHES, _mean


def test_an_epoch_is_without_what_is_done_after_it_and_without_the_first():
    epochs = Epochs(lambda *_: None)
    epochs.times = [(1, 20.0, 21.0), (2, 25.0, 26.0), (3, 32.0, 34.0)]
    assert epochs.seconds() == pytest.approx(5), "the median of 4 and 6"
    assert epochs.after() == pytest.approx(1)


def test_with_a_wide_part_too_the_first_epoch_of_the_network_does_not_count():
    epochs = Epochs(lambda *_: None)
    epochs.times = [(0, 10.0, 11.0), (1, 30.0, 31.0), (2, 35.0, 36.0)]
    assert epochs.seconds() == pytest.approx(4)


def test_what_is_done_after_an_epoch_gets_all_that_fit_gives():
    got = []
    Epochs(lambda *arguments: got.append(arguments))(1, 0.5, "model", "tokenizer")
    assert got == [(1, 0.5, "model", "tokenizer")]


@pytest.mark.parametrize(("seconds", "taken"), [(0.0, BATCHES), (60.0, 10)])
def test_some_batches_are_taken_and_none_of_them_twice(seconds: float, taken: int):
    ids, sizes, starts = np.arange(325), [], set()

    def step(batch: np.ndarray, _: np.ndarray) -> None:
        sizes.append(len(batch))
        starts.add(int(batch[0]))

    _mean(step, ids, ids, 32, seconds)
    assert sizes == [32] * taken and len(starts) == taken
