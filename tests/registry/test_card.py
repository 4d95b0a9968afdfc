import pytest

from registry.card import card
from registry.model.artifact import Artifact
from registry.model.evaluation import EvaluationDetails
from tests.toy import write_toy

METRICS = {"mcc": 0.9512, "ham_blocked": 0.001, "behaviour.invariance": 0.75}
DETAILS = {
    "intervals": {"mcc": [0.91, 0.98]},
    "baseline": {"mcc": 0.9},
    "slices": {"short": {"messages": 40, "mcc": 0.5}, "long": {"messages": 60, "mcc": 0.97}},
    "behaviour": {"invariance": {"typo": {"cases": 4, "passed": 3}, "digits": {"cases": 4, "passed": 3}}},
    "data": {
        **{
            "rows": 12,
            "broken": 1,
            "empty": 0,
            "conflicting": 2,
            "duplicates": 3,
            "messages": 6,
            "source": "CC BY 4.0",
            "feedback": {"rows": 9, "added": 7},
        },
        **{name: {"messages": 2, "ham": 1, "spam": 1} for name in ("train", "validation", "test")},
    },
}


@pytest.fixture
def toy(tmp_path):
    write_toy(tmp_path)
    return Artifact.load(tmp_path)


def test_it_says_what_was_measured(toy):
    text = card(toy, METRICS, EvaluationDetails(**DETAILS))
    for part in (
        "# Model card: toy",
        toy.digest,
        "| mcc | 0.9512 | 0.9100 to 0.9800 | 0.9000 |",
        "| ham_blocked | 0.0010 |  |  |",
        "| short | 40 | 0.5000 |",
        "| invariance | typo | 4 | 75.0% |",
        "Source and licence: CC BY 4.0",
        "Train holds 7 corrections of callers besides.",
        "| train | 2 messages | 1 ham | 1 spam |",
    ):
        assert part in text
    limits = text.split("## Limits")[1]
    assert "- slice short: MCC 0.5000 on 40 messages" in limits and "long" not in limits
    assert "- typo (invariance): 3 of 4 passed" in limits


def test_it_has_the_cross_validation_of_its_variant_beside_those_it_was_tested_against(toy):
    own = {"mcc": 0.97, "ece": 0.002, "intervals": {"mcc": [0.96, 0.98]}}
    own["against"] = {"linear": {"mcc": {"difference": 0.01, "p": 0.04}}}
    linear = {"mcc": 0.96, "intervals": {"mcc": [0.95, 0.97]}, "against": {}}
    crossval = {"repeats": 5, "folds": 5, "messages": 4112, "hardest": 15}
    crossval["candidates"] = {"toy": own, "linear": linear}
    text = card(toy, METRICS, EvaluationDetails(**DETAILS, crossval=crossval))
    section = text.split("## Repeated cross-validation")[1].split("## ")[0]
    assert "5 times 5 folds of the 4112 messages" in section and "0.9600 to 0.9800" in section
    assert "| mcc | 0.9700 | 0.9600 |" in section and "| ece | 0.0020 |  |" in section
    assert "- toy against linear: mcc +0.0100, p = 0.040" in section


def test_a_stand_in_is_named_at_the_top_and_as_the_source(tmp_path):
    write_toy(tmp_path, stand_in="a part of it, MIT")
    report = DETAILS["data"] | {"stand_in": "a part of it, MIT"}
    text = card(Artifact.load(tmp_path), METRICS, EvaluationDetails(**DETAILS | {"data": report}))
    assert "stand-in for the corpus**: a part of it, MIT." in text.split("## ")[0]
    assert "Source and licence: a part of it, MIT" in text and "CC BY 4.0" not in text


def test_what_was_not_measured_is_left_out(toy):
    text = card(toy, {"mcc": 0.9}, EvaluationDetails())
    assert "Not measured with this version's parameters" in text.split("## Repeated cross-validation")[1]
    for section in ("Slices", "Behaviour", "Data", "Limits"):
        assert section not in text
    assert "| mcc | 0.9000 |" in text
