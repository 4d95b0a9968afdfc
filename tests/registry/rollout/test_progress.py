import io

import pytest

from registry.rollout.figures import Figures
from registry.rollout.plan import Plan
from registry.rollout.progress import Progress, duration


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
    none, some = (
        Figures(0, 2, (), {}, 0.0),
        Figures(1_000, 3, ((0.005, 1_000), (0.01, 1_000)), {"ham": 8, "spam": 2}, 0.0),
    )
    progress.look(15, none, some, earlier=True)
    assert out.getvalue().splitlines() == [
        "step 1 of 2: challenger 5%, for 15 min",
        "waits",
        "15 s: challenger 2 calls, 2 errors | earlier champion 1,003 calls, 3 errors, p99 5 ms, 20% spam",
    ]
