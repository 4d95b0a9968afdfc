"""Whether a figure of one program differs from that of another by more than the noise of the measurement.

Each round measures both programs in the same minute, so what slows the machine slows both, and cancels in the round's
ratio. The noise is what still scatters these ratios. Their logarithms are averaged, and Student's t distribution gives
the bounds between which that mean lies. What a figure's name and unit are makes no difference.
"""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

FALSE_ALARMS = 0.05  # of all comparisons of a program with itself, those that may call any figure moved
LEAST = 0.01  # a smaller difference is never called moved: where memory lies, or a longer path, makes as much


class Comparison(NamedTuple):
    """Medians of both, the mean ratio this/base, and the bounds between which it lies."""

    base: float
    this: float
    ratio: float
    low: float
    high: float

    @property
    def moved(self) -> bool:
        return not self.low <= 1 <= self.high and abs(self.ratio - 1) >= LEAST


def compare(base: Sequence[float], this: Sequence[float], figures: int = 1) -> Comparison:
    """Compare values of the same rounds, two of each at least, all above 0.

    `figures` is how many are compared in this run: the bounds of each are so wide that all of them together give false
    alarms in `FALSE_ALARMS` of the runs (Bonferroni).
    """
    from scipy.stats import t

    logarithms = [math.log(b / a) for a, b in zip(base, this, strict=True)]
    mean, rounds = statistics.mean(logarithms), len(logarithms)
    times = t.ppf(1 - FALSE_ALARMS / figures / 2, rounds - 1)
    bound = times * statistics.stdev(logarithms) / math.sqrt(rounds)
    ratio, low, high = (math.exp(value) for value in (mean, mean - bound, mean + bound))
    return Comparison(statistics.median(base), statistics.median(this), ratio, low, high)
