"""From probabilities to an answer."""

import pytest
from pydantic import ValidationError

from registry.model.decision import Decision, MostProbable

DECISION = Decision(positive="spam", threshold=0.7, unsure_from=0.2, unsure_to=0.9)


@pytest.mark.parametrize(
    ("spam", "label", "verdict"),
    [
        (0.1, "ham", "ham"),
        (0.2, "ham", "unsure"),
        (0.69, "ham", "unsure"),
        (0.7, "spam", "unsure"),
        (0.9, "spam", "spam"),
    ],
)
def test_spam_is_answered_from_the_threshold_on(spam, label, verdict):
    prediction = {"ham": 1 - spam, "spam": spam}
    assert (DECISION.label(prediction), DECISION.verdict(prediction)) == (label, verdict)


def test_of_several_other_labels_the_most_probable_is_answered():
    assert DECISION.label({"ham": 0.1, "news": 0.25, "spam": 0.65}) == "news"


def test_without_an_operating_point_the_most_probable_label_is_answered():
    assert MostProbable().verdict({"ham": 0.4, "spam": 0.6}) == "spam"


def test_bounds_out_of_order_are_refused():
    with pytest.raises(ValidationError, match="outside"):
        Decision(positive="spam", threshold=0.1, unsure_from=0.2, unsure_to=0.9)
