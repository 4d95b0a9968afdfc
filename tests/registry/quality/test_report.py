"""`python -m registry quality`, on a real store."""

import json

import pytest

from registry.quality.published import TAG, LiveQuality
from tests.registry.quality.conftest import answers


@pytest.fixture
def filled(fill, registry):
    """Version 2, the champion, and 3, its shadow, on 60 texts, of which people labelled some in each sample."""
    registry.point({}, {"champion": "2", "challenger": "3"})
    labels = {f"text {i}": "spam" if i % 3 == 0 else "ham" for i in range(60)}
    wrong = labels | {f"text {i}": "spam" for i in range(4)}
    fill(
        answers("2", *labels.items()) + answers("3", *wrong.items(), source="shadow"),
        [(text, label, ("random", "random", "threshold", "")[i % 4]) for i, (text, label) in enumerate(labels.items())],
    )
    fill([], [("text 1", "spam", "")])


@pytest.mark.parametrize("columns", [60, 80])
def test_the_tables_fit_and_say_which_labels_are_biased(filled, cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    printed = cli("quality").output
    assert max(map(len, printed.splitlines())) <= columns and "…" not in printed
    words = " ".join(printed.split())
    for said in (
        "Random, unbiased",
        "Selected, biased",
        "Callers, biased",
        "calibrated",
        "80% power",
        "McNemar's",
        "1 left out",
    ):
        assert said in words
    assert "10 of 10" in words and "They differ on 2 of 60 texts." in words


def test_json_has_every_figure_and_no_text(filled, cli):
    printed = cli("quality", "--json").output
    told = json.loads(printed)
    assert "text 1" not in printed
    champion = next(row for row in told["versions"] if row["aliases"] == ["champion"])
    assert champion["samples"]["random"]["confusion"] == {"ham": {"ham": 20}, "spam": {"spam": 10}}
    assert champion["samples"]["random"]["caught"]["low"] == pytest.approx(0.7225, abs=5e-5)
    assert told["samples"]["random"] == {
        "bias": "unbiased: reviewers' labels of calls drawn at random",
        "texts": 30,
        "disputed": 0,
    }
    assert told["samples"]["callers"]["disputed"] == 1, "a reviewer says otherwise"
    (pair,) = told["pairs"]
    assert (pair["champion"], pair["other"], pair["differing"]) == ("2", "3", 2)
    assert pair["samples"]["random"]["only_first"] == 1 and pair["needed"]["differing"] < pair["needed"]["random"]


def test_an_empty_log_is_one_sentence(fill, cli, registry):
    fill([], [])
    printed = cli("quality", "--hours", "2")
    assert printed.status == 0 and printed.output.startswith("no call since ") and printed.output.count("\n") == 1
    assert json.loads(cli("quality", "--json").output)["calls"] == 0


def test_publishing_sets_the_tag_of_the_unbiased_figures_and_the_estimate(filled, cli, registry):
    assert TAG not in registry.model_tags()
    assert cli("quality", "--publish").status == 0
    quality = LiveQuality.from_tags(registry.model_tags())
    champion = quality.versions[registry.resolve("champion").key]
    assert champion["caught"]["value"] == 1 and champion["caught"]["low"] == pytest.approx(0.7225, abs=5e-5)
    assert champion["estimated_caught"] == {"value": pytest.approx(0.9 * 20 / (0.9 * 20 + 0.1 * 40), abs=1e-6)}
    assert quality.hours == 24 and registry.resolve("1").key not in quality.versions


def test_a_model_that_is_not_registered_cannot_have_the_tag(fill, cli, monkeypatch):
    fill([], [])
    monkeypatch.setenv("MODEL_NAME", "another")
    assert "not found" in cli("quality", "--publish").error
