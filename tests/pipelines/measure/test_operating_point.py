"""The operating point, chosen on validation messages."""

import numpy as np

from pipelines.measure.operating_point import above, below, choose
from pipelines.params import DecisionBounds

SETTINGS = DecisionBounds(
    blocked={"chat": 0.0, "default": 0.1}, surely_blocked=0.0, missed=0.25, thresholds=(0.3, 0.9), unfamiliar=0.5
)


def chosen(others, sources, caught=(0.4, 0.5, 0.8, 0.95)):
    probability = np.array([*others, *caught])
    is_positive = np.arange(len(probability)) >= len(others)
    names = [*sources, *["chat"] * len(caught)]
    return choose(probability, is_positive, names, "spam", np.array([0.2, 0.6, 0.9]), SETTINGS)


def test_the_threshold_keeps_the_bound_of_the_corpus_that_needs_the_highest():
    ten = np.linspace(0.0, 0.45, 10)
    assert chosen([*ten, 0.35], [*["companies"] * 10, "chat"]).threshold == 0.400001  # one of ten may be blocked
    assert chosen([*ten, 0.6], [*["companies"] * 10, "chat"]).threshold == 0.600001  # none of the chat may


def test_the_threshold_stays_between_its_limits():
    assert chosen([0.01], ["chat"]).threshold == 0.3
    assert chosen([0.99], ["chat"]).threshold == 0.9


def test_it_is_unsure_between_what_misses_little_and_what_blocks_hardly_any():
    decision = chosen([*np.linspace(0.0, 0.45, 10), 0.35], [*["companies"] * 10, "chat"])
    assert (decision.unsure_from, decision.unsure_to, decision.familiar) == (0.400001, 0.450001, 0.6)


def test_above_and_below_count_what_reaches_a_threshold():
    values = np.array([0.1, 0.2, 0.3, 0.4])
    assert (values >= above(values, 0.25)).sum() == 1
    assert (values < below(values, 0.25)).sum() == 1
    assert above(values[:0], 0.1) == 0.0 and above(np.array([1.0]), 0.0) == 1.0
