"""What is called moved, on drawn samples."""

import numpy as np
import pytest

from tests.benchmarks.noise import Comparison, compare

ROUNDS = 8
ALL = 25  # figures of a run


def moved(shift: float, noise: float, figures: int = ALL, shared: float = 0.0, draws: int = 200) -> float:
    """The share of draws called moved; `noise` is that of one value, `shared` that of a round, which both have."""
    draw, count = np.random.default_rng(1), 0
    for _ in range(draws):
        level = 1000 * np.exp(draw.normal(0, shared, ROUNDS))
        base, this = level * np.exp(draw.normal(0, noise, (2, ROUNDS)))
        count += compare(list(base), list(this * (1 + shift)), figures).moved
    return count / draws


@pytest.mark.parametrize("noise", [0.005, 0.02, 0.2])
def test_what_is_equal_stays_within_the_noise(noise: float):
    assert moved(0, noise) <= 0.05
    assert moved(0, noise, figures=1, draws=1000) <= 0.065  # 5 %, and 2 standard errors


@pytest.mark.parametrize("shift", [0.05, -0.05])
def test_a_shift_above_the_noise_is_found(shift: float):
    assert moved(shift, 0.01, figures=1) == 1
    assert moved(shift, 0.01) > 0.95


def test_what_slows_the_machine_slows_both():
    assert moved(0.05, 0.01, shared=0.3) > 0.95


def test_a_shift_below_the_noise_is_not_claimed():
    assert moved(0.05, 0.2) < 0.05


def test_the_ratio_lies_within_its_bounds_and_the_medians_are_of_the_rounds():
    found = compare([10.0, 20.0, 40.0], [11.0, 22.0, 44.0])
    assert (found.base, found.this) == (20, 22)
    assert found.low == pytest.approx(1.1) and found.high == pytest.approx(1.1)
    assert found.moved


def test_less_than_a_hundredth_is_not_called_moved():
    assert not Comparison(1000, 1005, 1.005, 1.004, 1.006).moved
    assert not compare([100.0] * 3, [100.0] * 3).moved
