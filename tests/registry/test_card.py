from dataclasses import replace

import pytest

from registry.card import card
from registry.model.artifact import Artifact
from registry.model.decision import Decision
from registry.model.evaluation import EvaluationDetails
from tests.toy import write_toy

METRICS = {"mcc": 0.9512, "ham_blocked": 0.001, "behaviour.invariance": 0.75}
DETAILS = {
    "intervals": {"mcc": [0.91, 0.98]},
    "baseline": {"mcc": 0.9},
    "slices": {"short": {"messages": 40, "mcc": 0.5}, "long": {"messages": 60, "mcc": 0.97}},
    "behaviour": {"invariance": {"typo": {"cases": 4, "passed": 3}, "digits": {"cases": 4, "passed": 3}}},
    "data": {
        "feedback": {"rows": 9, "added": 7},
        "corpora": {
            "sms": {
                **{"rows": 12, "broken": 1, "empty": 0, "conflicting": 2, "duplicates": 3, "messages": 6},
                **{name: {"messages": 2, "ham": 1, "spam": 1} for name in ("train", "validation", "test")},
            }
        },
    },
    "corpora": [
        {"name": "sms", "role": "train", "years": "2004 to 2011", "licence": "CC BY 4.0", "source": "UCI"},
        {"name": "own", "role": "train", "years": 2026},
        {"name": "else", "role": "outside", "missing": True},
    ],
    "sources": {
        "sms": {"messages": 10, "trained": True, "blocked": {"count": 0, "of": 10, "low": 0, "high": 0.308}},
        "own": {
            **{"messages": 5, "blocked": {"count": 2, "of": 5, "low": 0.053, "high": 0.853}},
            "without_twins": {"messages": 3, "caught": {"count": 1, "of": 3, "low": 0.008, "high": 0.906}},
            "kinds": {"otp": {"messages": 4, "blocked": {"count": 2, "of": 4, "low": 0.068, "high": 0.932}}},
        },
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
        "| sms | 12 | 3 | 2 | 0 | 1 | 6 | 2: 1 ham, 1 spam |",
        "| sms | training and measuring | 2004 to 2011 | CC BY 4.0 | UCI |",
        "| own | measuring alone | 2026 |  |  |",
        "| else | nothing: it was missing |",
        "| sms | training and measuring | 10 |  | 0 of 10 [0.0%, 30.8%] |",
        "| own | measuring alone | 5 |  | 2 of 5 [5.3%, 85.3%] |",
        "| own | the same, without near-twins of messages to train on | 3 | 1 of 3 [0.8%, 90.6%] |  |",
        "| own | otp | 4 |  | 2 of 4 [6.8%, 93.2%] |",
        "Train holds 7 corrections of callers besides.",
    ):
        assert part in text
    limits = text.split("## Limits")[1].split("## ")[0]
    assert "- corpus own: it blocks 2 of 5 [5.3%, 85.3%]" in limits and "corpus sms" not in limits
    assert "- slice short: MCC 0.5000 on 40 messages" in limits and "long" not in limits
    assert "- typo (invariance): 3 of 4 passed" in limits


def test_none_blocked_in_a_slice_is_told_with_its_interval(toy):
    counted = {"short": {"messages": 40, "blocked": {"count": 0, "of": 38, "low": 0, "high": 0.0925}}}
    counted["long"] = {"messages": 60}
    measured = DETAILS | {"slices": {"short": {"messages": 40, "ham_blocked": 0.0}, "long": {"messages": 60}}}
    text = card(toy, METRICS, EvaluationDetails(**measured, slice_figures=counted))
    assert "| short | 40 |  | 0 of 38 [0.0%, 9.2%] |" in text and "| long | 60 |  |  |" in text


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


def test_a_stand_in_is_named_at_the_top(tmp_path):
    write_toy(tmp_path, stand_in="a part of it, MIT")
    text = card(Artifact.load(tmp_path), METRICS, EvaluationDetails(**DETAILS))
    assert "stand-in for the corpus**: a part of it, MIT." in text.split("## ")[0]


def test_what_was_not_measured_is_left_out(toy):
    text = card(toy, {"mcc": 0.9}, EvaluationDetails())
    assert "Not measured with this version's parameters" in text.split("## Repeated cross-validation")[1]
    for section in ("Slices", "Behaviour", "Data", "Limits", "By corpus", "By kind", "Corpora"):
        assert section not in text
    assert "| mcc | 0.9000 |" in text


def test_it_tells_the_operating_point(toy):
    assert "the most probable label is answered" in card(toy, METRICS, EvaluationDetails())
    decision = Decision(positive="spam", threshold=0.62, unsure_from=0.2, unsure_to=0.9, familiar=0.64)
    text = card(replace(toy, decision=decision), METRICS, EvaluationDetails())
    assert "`spam` is answered from a probability of 0.6200 on" in text
    assert "From 0.2000 up to 0.9000" in text and "less than 64%" in text
