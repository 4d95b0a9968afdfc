import math
import random

import pytest

from registry.rollout import checks
from registry.rollout.checks import FALSE_STOP, Judged, levels
from registry.rollout.figures import Figures, figures_of
from registry.rollout.services import DISAGREED, SECONDS, SHADOWED, Series

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, math.inf)
LEVEL = levels(4, 240).during


def figures(times: dict[float, int], errors: int = 0, spam: float = 0.2) -> Figures:
    """{seconds: calls}, and a text a call."""
    buckets = tuple((bound, sum(n for time, n in times.items() if time <= bound)) for bound in BOUNDS)
    calls = buckets[-1][1]
    labels = {"ham": calls - round(calls * spam), "spam": round(calls * spam)}
    return Figures(calls, errors, buckets, labels, 0.0)


CHAMPION = figures({0.0015: 1_900, 0.004: 95, 0.04: 5}, errors=2)


def test_a_quantile_is_interpolated_in_its_bucket():
    assert CHAMPION.quantile(0.5) == pytest.approx(0.001 + 0.001 * 1_000 / 1_900)
    assert CHAMPION.quantile(0.99) == pytest.approx(0.002 + 0.003 * 80 / 95)
    assert figures({20.0: 5}).quantile(0.5) is None and figures({}).quantile(0.5) is None


@pytest.mark.parametrize(
    ("candidate", "stops"),
    [
        (figures({0.0015: 500}), False),
        (figures({0.0015: 500}, errors=1), False),
        (figures({0.0015: 495}, errors=5), False),
        (figures({0.0015: 480}, errors=20), True),
        (figures({}, errors=3), True),
        (figures({}), False),
    ],
)
def test_errors_stop_where_chance_does_not_explain_them(candidate, stops):
    assert bool(list(checks.too_many_errors(candidate, CHAMPION, LEVEL))) is stops


def test_errors_in_most_calls_stop_even_where_the_champion_fails_too():
    failing = figures({0.0015: 10}, errors=2_000)
    assert list(checks.too_many_errors(figures({0.0015: 1}, errors=60), failing, LEVEL)) == ["errors: 60 of 61 calls"]
    assert list(checks.too_many_errors(figures({}, errors=60), figures({}), LEVEL))


@pytest.mark.parametrize(
    ("candidate", "stops"),
    [
        (figures({0.0015: 500, 0.04: 3}), False),
        (figures({0.004: 500}), False),  # three times the champion's, and less than 5 ms more
        (figures({0.03: 20}), True),
        (figures({0.0015: 500, 0.04: 40}), True),  # 8 % of the calls; of the champion's .25 %
        (figures({}), False),
    ],
)
def test_times_stop_beyond_a_factor_of_the_champion_s(candidate, stops):
    assert bool(list(checks.too_slow(candidate, CHAMPION, 3.0, LEVEL))) is stops


def test_labels_stop_beyond_a_margin():
    def stops(spam: float, texts: int) -> bool:
        return bool(list(checks.labels_shifted(figures({0.001: texts}, spam=spam), CHAMPION, 0.1, LEVEL)))

    assert stops(1, 40) and stops(0, 4_000) and stops(0.45, 2_000)
    assert not (stops(1, 3) or stops(0.2, 4_000) or stops(0.28, 100_000) or stops(0.4, 50))


def test_a_shift_is_the_callers_where_the_shadow_agrees_on_the_same_texts():
    def explained(texts: int, differing: int) -> bool:
        counts = {Series(SHADOWED, "1", "2"): texts, Series(DISAGREED, "1", "2"): differing}
        return checks.explained_by_callers(counts, "2", "1", 0.1, LEVEL)

    assert explained(1_000, 10)
    assert not (explained(1_000, 200) or explained(20, 0) or explained(0, 0))
    assert not checks.explained_by_callers({Series(SECONDS, "1", "+Inf"): 9.0}, "2", "1", 0.1, LEVEL)


def test_live_quality_stops_where_it_is_worse():
    champion = Judged(caught=90, spam=100, blocked=2, ham=900)
    assert not list(checks.quality_problems(Judged(85, 100, 4, 900), champion, 0.001))
    assert not list(checks.quality_problems(Judged(0, 0, 0, 0), champion, 0.001))
    (problem,) = checks.quality_problems(Judged(50, 100, 2, 900), champion, 0.001)
    assert problem == "live quality: 50 of 100 spam caught, the champion 90 of 100"
    (problem,) = checks.quality_problems(Judged(90, 100, 40, 900), champion, 0.001)
    assert problem == "live quality: 40 of 900 ham blocked, the champion 2 of 900"


def test_a_version_like_the_champion_is_rarely_stopped():
    """400 rollouts of one step, looked at 40 times, of a version with the champion's own rates."""
    rng, level = random.Random(3), levels(1, 40).during
    stopped = sum(_is_stopped(rng, level) for _ in range(400))
    assert stopped <= 400 * FALSE_STOP + 4


def _is_stopped(rng: random.Random, level: float) -> bool:
    errors = [0, 0]
    calls = [0, 0]
    for _ in range(40):
        for version, more in enumerate((20, 60)):
            calls[version] += more
            errors[version] += sum(rng.random() < 0.02 for _ in range(more))
        if checks.is_larger(errors[0], calls[0], errors[1], calls[1], level * checks.TESTS):
            return True
    return False


def test_figures_of_a_version_that_was_never_called_are_0():
    none = figures_of({}, "1")
    assert (none.calls, none.texts, none.quantile(0.5)) == (0, 0, None)
