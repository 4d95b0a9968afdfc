"""Statistics of counted texts: the interval of a share, and the paired comparison of two versions.

Pure functions of counts. The interval is Wilson's (1927): unlike the usual one it keeps its level for shares near 0 and
1 and for few texts (Brown, Cai and DasGupta, https://doi.org/10.1214/ss/1009213286).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.05  # of every interval (1 - LEVEL is its confidence) and test
POWER = 0.8  # the chance to find a difference that there is, in `labels_needed`
FAVOURED = 2 / 3  # of the texts on which two versions differ, those that the better one is right on, in `labels_needed`


@dataclass(frozen=True)
class Proportion:
    """`count` of `of` texts, and the 95 % interval of the share; 0 to 1 where `of` is 0: nothing is known."""

    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float | None:
        return self.count / self.of if self.of else None


def proportion(count: int, of: int) -> Proportion:
    """The share `count` / `of` with its Wilson interval."""
    if not of:
        return Proportion(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest  # its import takes half a second

    interval = binomtest(count, of).proportion_ci(1 - LEVEL, method="wilson")
    return Proportion(count, of, float(interval.low), float(interval.high))


class Paired(NamedTuple):
    """How two versions did on the same texts: how many both, only the first, only the second, and neither got right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def texts(self) -> int:
        return sum(self)

    @property
    def p_value(self) -> float:
        """The exact McNemar test's, two-sided: how likely so uneven a split is where both are equally good.

        Only the texts on which one of them is wrong count; 1 without any.
        """
        from scipy.stats import binomtest

        differing = self.only_first + self.only_second
        return float(binomtest(self.only_first, differing).pvalue) if differing else 1.0


class LabelsNeeded(NamedTuple):
    """How many labels tell two versions apart: of random texts, or of only those that they answer differently."""

    random: int
    differing: int


def labels_needed(differing: float, favoured: float = FAVOURED) -> LabelsNeeded | None:
    """The labels that a paired comparison needs, from the share of texts that two versions answer differently.

    With them it finds, at the level LEVEL and with the chance POWER, that the better one is right on the share
    `favoured` of those texts: Connor, Biometrics 43 (1987), 207-211. None where the versions differ nowhere.
    """
    if not differing:
        return None
    level, power = NormalDist().inv_cdf(1 - LEVEL / 2), NormalDist().inv_cdf(POWER)

    def texts(share: float) -> int:
        difference = share * (2 * favoured - 1)
        return math.ceil(((level * share**0.5 + power * (share - difference**2) ** 0.5) / difference) ** 2)

    return LabelsNeeded(texts(differing), texts(1.0))
