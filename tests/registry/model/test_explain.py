import pytest

from registry.model.artifact import Artifact
from registry.model.explain import SPANS, explain, strongest
from tests.toy import WEIGHTS, write_toy


@pytest.fixture
def toy(tmp_path):
    write_toy(tmp_path)
    return Artifact.load(tmp_path)


def test_a_word_contributes_what_the_model_weighs_it_with(toy):
    """The toy's logit is a sum over words, so leaving one out takes exactly its weight away."""
    contributions = explain(toy, "Win a free lunch")
    assert [word for word, _ in contributions] == ["Win", "a", "free", "lunch"]
    expected = [WEIGHTS["win"], 0, WEIGHTS["free"], WEIGHTS["lunch"]]
    assert [weight for _, weight in contributions] == pytest.approx(expected, abs=1e-4)


def test_it_speaks_for_the_label_that_was_predicted(toy):
    assert dict(explain(toy, "lunch at home"))["lunch"] == pytest.approx(-WEIGHTS["lunch"], abs=1e-4)


def test_an_empty_text_has_no_words(toy):
    assert explain(toy, "") == explain(toy, " \n") == []


def test_a_long_text_is_explained_in_runs_that_make_it_up_again(toy):
    text = " ".join(f"word{i}" for i in range(1000))
    contributions = explain(toy, text)
    assert len(contributions) <= SPANS
    assert " ".join(words for words, _ in contributions) == text


def test_the_strongest_words_come_first(toy):
    assert strongest(toy, "free cash at lunch", most=2) in ("free +3.0, lunch -3.0", "lunch -3.0, free +3.0")
