"""Measured with a toy version whose answers are known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipelines import evaluate
from pipelines.data.splits import Split
from pipelines.measure.behaviour import suite
from pipelines.params import Corpus
from registry.model.artifact import Artifact
from registry.model.decision import Decision
from registry.model.evaluation import SourceFigures
from tests.toy import write_toy

TEXTS = ["lunch later", "win", "free cash prize", "see you at home", "win lunch free"]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder)
    return Artifact.load(folder)


@pytest.fixture
def test_split():
    actual = np.array([0, 0, 1, 1, 0], dtype=np.int32)  # the toy says ham, spam, spam, ham, spam
    return Split([str(i) for i in range(5)], TEXTS, actual, np.arange(5), ("ham", "spam"), ["sms"] * 5)


def test_a_label_is_decided_by_the_rounded_probability_as_in_an_answer(toy):
    (exact,), (prediction,) = toy.probabilities(["win"])[:, 1], toy.classify(["win"])
    rounded = prediction.probabilities["spam"]
    between = Decision(positive="spam", threshold=max(rounded, float(exact)), unsure_from=0, unsure_to=1)
    assert rounded != float(exact)
    version = replace(toy, decision=between)
    assert toy.labels[evaluate.decide(version, toy.probabilities(["win"]))[0]] == between.label(
        prediction.probabilities
    )


def test_mistakes_are_the_wrong_answers_with_the_most_confident_first_and_the_words_that_decided(toy, test_split):
    table = evaluate.mistakes(toy, evaluate.Answered.by(toy, test_split), most=2)
    assert table["confidence"].is_monotonic_decreasing and len(table) == 2
    assert table.iloc[0].drop("confidence").to_dict() == {
        "actual": "spam",
        "predicted": "ham",
        "text": "see you at home",
        "because": "home +2.0, see +0.0, you +0.0, at +0.0",
    }


def test_the_metrics_are_of_the_answers_and_of_the_behaviour_suite(toy, test_split):
    cases = suite.check(
        toy.predict, [suite.Message("spam", "prize", "win a prize"), suite.Message("ham", "chat", "home")]
    )
    measured = evaluate.measure(evaluate.Answered.by(toy, test_split), cases, "spam", bins=10)
    assert measured["accuracy"] == 0.4 and measured["spam_caught"] == 0.5
    assert measured["ham_blocked"] == pytest.approx(2 / 3) and measured["behaviour.minimum_functionality"] == 1.0
    assert {"average_precision", "brier", "ece", "behaviour.obfuscation"} < set(measured)


def test_the_profile_of_the_training_set_has_the_scores_and_tokens_of_what_was_held_out(toy, tmp_path):
    rows = pd.DataFrame({"id": list("abcd"), "text": ["hi", "hi all", "win http://a.com", "later"], "group": "0"})
    rows = rows.assign(label=["ham", "ham", "spam", "ham"], source=["sms", "sms", "sms", "other"], part="")
    rows.to_csv(tmp_path / "train.csv", index=False)
    variant = SimpleNamespace(sources=["sms"])
    loaded = SimpleNamespace(positive="spam", variants={"toy": variant}, trained_on=lambda _: ["sms"])
    test = pd.DataFrame({"text": ["win lunch", "lunch", "other"], "source": ["sms", "sms", "other"]})
    args = SimpleNamespace(variant="toy", prepared=tmp_path)
    profile = evaluate.training_profile(args, loaded, test, np.array([0.9, 0.00001, 0.5]), toy)
    assert profile.labels == {"ham": 2, "spam": 1} and profile.features["links"] == {"0": 2, "1": 1}
    assert profile.positive == "spam" and profile.features["score"] == {"0": 1, "0.9": 1}
    assert sum(profile.features["unknown"].values()) == 2
    ngrams = replace(toy, tokenizer=replace(toy.tokenizer, vocabulary=()))
    assert "unknown" not in evaluate.training_profile(args, loaded, test, np.zeros(3), ngrams).features


def test_a_corpus_with_a_stand_in_has_the_source_and_licence_of_the_stand_in():
    measured = {name: SourceFigures(messages=1) for name in ("sms", "written")}
    described = [
        evaluate.describe(Corpus(name=name, path="file", source="its site", licence="CC0"), measured, {"sms": "a part"})
        for name in measured
    ]
    assert [(one.source, one.licence) for one in described] == [("a part", ""), ("its site", "CC0")]
