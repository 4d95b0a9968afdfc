"""Statistics of counted texts: the interval of a share, and the paired comparison of two versions.

Pure functions of counts. The interval is Wilson's (1927): unlike the usual one it keeps its level for shares near 0 and
1 and for few texts (Brown, Cai and DasGupta, https://doi.org/10.1214/ss/1009213286).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.05  # of every interval (1 - LEVEL is its confidence) and test
POWER = 0.8  # the chance to find a difference that there is, in `labels_needed`
FAVOURED = 2 / 3  # of the texts on which two versions differ, those that the better one is right on, in `labels_needed`


@dataclass(frozen=True)
class Proportion:
    """`count` of `of` texts, their share, and its 95 % interval.

    Where `of` is 0, nothing is known: `share` is None, and the interval 0 to 1.
    """

    count: int
    of: int
    share: float | None
    low: float
    high: float


def proportion(count: int, of: int) -> Proportion:
    """The share `count` / `of` with its Wilson interval."""
    if not of:
        return Proportion(0, 0, None, 0.0, 1.0)
    from scipy.stats import binomtest  # its import takes half a second

    interval = binomtest(count, of).proportion_ci(1 - LEVEL, method="wilson")
    return Proportion(count, of, count / of, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Paired:
    """How two versions did on the same texts: how many both, only the first, only the second, and neither got right.

    `p_value` is the exact McNemar test's, two-sided: how likely so uneven a split of the texts that only one got right
    is where both are equally good; 1 without such texts.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float

    @property
    def texts(self) -> int:
        return self.both + self.only_first + self.only_second + self.neither


def paired(both: int, only_first: int, only_second: int, neither: int) -> Paired:
    """The comparison with its McNemar test."""
    from scipy.stats import binomtest

    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return Paired(both, only_first, only_second, neither, p_value)


@dataclass(frozen=True)
class LabelsNeeded:
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
