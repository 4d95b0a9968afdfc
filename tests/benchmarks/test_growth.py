import math

import pytest

from tests.benchmarks.growth import Measured, exponent, last_exponent


def test_the_exponent_is_that_of_the_size():
    sizes = [10, 100, 1000]
    assert exponent(sizes, [size**2 / 7 for size in sizes]) == pytest.approx(2)
    assert exponent(sizes, [3.0, 3.0, 3.0]) == pytest.approx(0)


def test_a_start_hides_less_in_the_last_step():
    rows = [Measured("x", size, 1 + size / 100) for size in (10, 100, 1000, 10_000)]
    assert exponent([row.size for row in rows], [row.seconds for row in rows]) < last_exponent(rows) < 1
    assert math.isnan(last_exponent(rows[:1]))
