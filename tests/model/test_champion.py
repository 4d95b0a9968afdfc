"""What the shipped `lstm` variant must be able to do, on the real test split and beside it."""

import json
from pathlib import Path

import pytest
import yaml

from pipelines import export, params
from pipelines.data import splits
from pipelines.model.sizes import sizes_of
from registry.model.artifact import Artifact
from registry.model.explain import explain

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model():
    return Artifact.load(ROOT / "build/lstm/artifact")


@pytest.fixture(scope="module")
def metrics():
    return json.loads((ROOT / "build/lstm/evaluation/metrics.json").read_text())


def spam(model, text):
    return model.predict([text])[0]["spam"]


def test_its_figures_reach_what_the_readme_says(metrics):
    assert metrics["mcc"] >= 0.94
    assert metrics["average_precision"] >= 0.98
    assert metrics["ham_blocked"] <= 0.0045
    assert metrics["ece"] <= 0.0101  # 1.00 %


@pytest.mark.parametrize("capability", ["minimum_functionality", "invariance", "direction", "obfuscation"])
def test_it_behaves_beyond_the_corpus_as_the_gate_asks(metrics, capability):
    name = f"behaviour.{capability}"
    assert metrics[name] >= yaml.safe_load((ROOT / "params.yaml").read_text())["gate"]["floors"][name]


def test_it_is_better_than_the_workshop_s_network(metrics):
    other = json.loads((ROOT / "build/workshop/evaluation/metrics.json").read_text())
    assert metrics["mcc"] > other["mcc"] and metrics["ham_blocked"] < other["ham_blocked"]


@pytest.mark.parametrize("variant", ["workshop", "linear", "lstm"])
def test_every_variant_answers_as_keras_does_on_every_test_message(variant):
    """The export stage proves it; here the artifact that it left behind proves it again, message by message."""
    test = splits.read(ROOT / "build/prepared", "test")
    exported = Artifact.load(ROOT / "build" / variant / "artifact")
    settings = params.load(ROOT / "params.yaml").variants[variant]
    sizes = sizes_of(splits.read(ROOT / "build/prepared", "train", settings.sources))
    model, _ = export.load(settings, ROOT / "build" / variant / "model", sizes)
    assert export.difference(model, exported, test.texts) < export.TOLERANCE


@pytest.mark.parametrize(
    "text",
    [
        "WINNER!! You have won a £1000 cash prize. Call 09061701461 now to claim. T&Cs apply",
        "FREE entry in our weekly draw! Text WIN to 87121 to get your ticket, 150p per msg",
        "URGENT! Your mobile number has been awarded a £2000 bonus caller prize. Call 09058094455",
    ],
)
def test_plain_spam_is_caught(model, text):
    assert spam(model, text) > 0.9


@pytest.mark.parametrize(
    "text",
    [
        "Are we still on for lunch tomorrow?",
        "Ok, I'll call you when I get home",
        "Happy birthday! See you at 8 tonight",
    ],
)
def test_plain_chat_is_not_blocked(model, text):
    assert spam(model, text) < 0.1


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Are you coming home for lunch?", "  Are you coming home for lunch?\n"),
        ("Call 09061701461 to claim your prize", "C\u0430ll 09061701461 to cl\u200baim your pr1ze"),
    ],
)
def test_what_does_not_matter_changes_nothing(model, text, same):
    assert model.predict([text]) == model.predict([same])


def test_a_call_to_a_number_is_explained_by_the_number(model):
    words = dict(explain(model, "Please call 09061743386 before lunch"))
    assert max(words, key=words.get) == "09061743386"
