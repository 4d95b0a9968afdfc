import io

import pytest

from registry.rollout.checks import Limits
from registry.rollout.comparison import Comparison
from registry.rollout.plan import Plan
from registry.rollout.progress import Progress, duration
from registry.rollout.services import ERRORS, LABELS, SECONDS, Series


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.31, "0.31 s"),
        (3, "3 s"),
        (59.4, "59 s"),
        (59.7, "1 min"),
        (90, "1:30 min"),
        (900, "15 min"),
        (7_500, "2:05 h"),
    ],
)
def test_a_duration_is_short(seconds, text):
    assert duration(seconds) == text


def test_a_look_is_a_line_and_what_is_noted_twice_is_printed_once():
    out = io.StringIO()
    progress = Progress(False, out)
    progress.step(0, Plan("challenger", (5.0, 100.0), 900.0, 900.0, 200, 60.0))
    progress.note("waits")
    progress.note("waits")
    before = {Series(SECONDS, "1", le): 1_000.0 for le in ("0.005", "+Inf")} | {Series(LABELS, "1", "spam"): 1_000.0}
    comparison = Comparison("2", "1", Limits(), 200, before)
    comparison.add({Series(ERRORS, "2"): 2.0})
    progress.look(15, comparison)
    assert out.getvalue().splitlines() == [
        "step 1 of 2: challenger 5%, for 15 min",
        "waits",
        "15 s: challenger 2 calls, 2 errors | earlier champion 1,000 calls, 0 errors, p99 5 ms, 100% spam",
    ]
