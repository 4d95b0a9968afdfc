"""May the candidate get more calls? Pure functions of what was counted of it and of the champion.

Two shares are compared by Fisher's exact test, one-sided: errors among calls, slow calls among answered ones, spam that
was missed. Shares of labels are compared by their exact intervals (Clopper and Pearson, 1934), which must lie further
apart than a margin: callers keep their version, so the two versions have different callers, and their texts differ.
The tests take calls for independent. Somebody who looks many times finds something at last, so each test has a part of
FALSE_STOP only (Bonferroni): half of it for the looks during the holds, half for those at their ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from registry.rollout.figures import Figures
from registry.rollout.services import DISAGREED, SHADOWED, Counts, Series

FALSE_STOP = 0.01  # probability that chance stops a rollout of a version that is like the champion
TESTS = 10  # of one look, at most: errors (2), times (4), labels (2), live quality (2)
ERROR_MARGIN = 0.001  # of the calls: so much more than the champion's is no harm
SLOWER_BY = 0.005  # seconds that a quantile must be above the champion's, whatever the factor
BEFORE = 2.0  # how much larger the factor is against the champion's times before the rollout: the load may have changed
QUANTILES = (0.5, 0.99)


@dataclass(frozen=True)
class Limits:
    """`latency`: how many times the champion's median and 99th percentile; `labels`: difference of a label's share."""

    latency: float = 3.0
    labels: float = 0.1


class Judged(NamedTuple):
    """Texts that a version answered and a person labelled: spam caught of all spam, ham blocked of all ham."""

    caught: int
    spam: int
    blocked: int
    ham: int


class Levels(NamedTuple):
    """The significance of one test, in a look during a hold and in the one at its end."""

    during: float
    at_end: float


def levels(steps: int, looks: int) -> Levels:
    """For so many steps, with so many looks at most in each."""
    return Levels(FALSE_STOP / 2 / steps / looks / TESTS, FALSE_STOP / 2 / steps / TESTS)


def is_larger(count: int, of: int, champion_count: int, champion_of: int, level: float) -> bool:
    """Whether chance does not explain that `count` of `of` is a larger share than the champion's."""
    if not (of and champion_of) or count * champion_of <= champion_count * of:
        return False
    from scipy.stats import fisher_exact  # its import takes half a second

    table = [[count, of - count], [champion_count, champion_of - champion_count]]
    return bool(fisher_exact(table, alternative="greater").pvalue < level)


def interval(count: int, of: int, level: float) -> tuple[float, float]:
    """The exact interval of a share, which the true one leaves with probability `level`; `of` is not 0."""
    from scipy.stats import binomtest

    low, high = binomtest(count, of).proportion_ci(1 - level, "exact")
    return float(low), float(high)


def too_many_errors(candidate: Figures, champion: Figures, level: float) -> Iterator[str]:
    """More errors than the champion has, or errors in most calls, whatever the champion has."""
    if not candidate.calls:
        return
    rate = candidate.errors / candidate.calls
    champion_rate = champion.errors / max(champion.calls, 1)
    said = f"errors: {candidate.errors} of {candidate.calls} calls"
    if rate > champion_rate + ERROR_MARGIN and is_larger(
        candidate.errors, candidate.calls, champion.errors, champion.calls, level
    ):
        yield f"{said}; the champion {champion.errors} of {champion.calls}"
    elif rate > 0.5 and interval(candidate.errors, candidate.calls, 2 * level)[0] > 0.5:
        yield said


def too_slow(candidate: Figures, champion: Figures, factor: float, level: float) -> Iterator[str]:
    """A quantile of the candidate's times is `factor` times the champion's or more.

    The bound is the end of a bucket. More of the candidate's calls than 1 - q must be beyond it, and more than of the
    champion's.
    """
    for q in QUANTILES:
        usual = champion.quantile(q)
        if usual is None or not candidate.answered:
            continue
        limit = max(factor * usual, usual + SLOWER_BY)
        bound = next(bound for bound, _ in champion.buckets if bound >= limit)
        if bound == float("inf"):
            continue
        slow, champion_slow = candidate.slower(bound), champion.slower(bound)
        if slow > (1 - q) * candidate.answered and is_larger(
            slow, candidate.answered, champion_slow, champion.answered, level
        ):
            name = "half of the calls" if q == 0.5 else f"{1 - q:.0%} of the calls"
            yield (
                f"latency: {slow} of {candidate.answered} calls took longer than {bound * 1e3:g} ms, "
                f"{name} of the champion longer than {usual * 1e3:.2g} ms "
                f"(from the cache: {candidate.from_cache:.0%}, the champion's {champion.from_cache:.0%})"
            )
            return


def labels_shifted(candidate: Figures, champion: Figures, margin: float, level: float) -> Iterator[str]:
    """The share of a label differs by more than the margin, and not by chance."""
    if not (candidate.texts and champion.texts):
        return
    names = sorted(candidate.labels | champion.labels)
    each = level / max(len(names) - 1, 1)  # of two labels, one share says both
    for name in names:
        own, usual = candidate.labels.get(name, 0), champion.labels.get(name, 0)
        if abs(own / candidate.texts - usual / champion.texts) <= margin:
            continue
        low, high = interval(own, candidate.texts, each)
        champion_low, champion_high = interval(usual, champion.texts, each)
        if low - champion_high > margin or champion_low - high > margin:
            shares = f"{own / candidate.texts:.0%} of {candidate.texts} texts are {name}"
            yield f"labels: {shares}, the champion's {usual / champion.texts:.0%} of {champion.texts}"
            return


def explained_by_callers(counts: Counts, candidate: str, champion: str, margin: float, level: float) -> bool:
    """Whether a shift of labels comes from the callers.

    It does where the candidate, as the shadow, differs from the champion on fewer of the same texts than the margin.
    """
    texts = int(counts.get(Series(SHADOWED, champion, candidate), 0))
    differing = int(counts.get(Series(DISAGREED, champion, candidate), 0))
    return texts > 0 and interval(differing, texts, level)[1] < margin


def quality_problems(candidate: Judged, champion: Judged, level: float) -> Iterator[str]:
    """Less spam is caught, or more ham is blocked, than by the champion, on texts that persons labelled."""
    missed, champion_missed = candidate.spam - candidate.caught, champion.spam - champion.caught
    if is_larger(missed, candidate.spam, champion_missed, champion.spam, level):
        yield (
            f"live quality: {candidate.caught} of {candidate.spam} spam caught, "
            f"the champion {champion.caught} of {champion.spam}"
        )
    if is_larger(candidate.blocked, candidate.ham, champion.blocked, champion.ham, level):
        yield (
            f"live quality: {candidate.blocked} of {candidate.ham} ham blocked, "
            f"the champion {champion.blocked} of {champion.ham}"
        )
