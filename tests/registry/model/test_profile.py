import json

import pytest
from pydantic import TypeAdapter

from registry.model.profile import (
    EDGES,
    MEASURED,
    SCORES,
    SHARES,
    TextProfile,
    bin_of,
    bins_of,
    links_in,
    profile_of,
    script_of,
)


def test_labels_and_lengths_are_counted_each_edge_with_the_bin_above_it():
    lengths = (0, EDGES[0] - 1, EDGES[0], EDGES[-1] - 1, EDGES[-1], 5_000)
    profile = profile_of([("ham", "x" * length) for length in lengths] + [("spam", "")])
    assert profile.labels == {"ham": 6, "spam": 1} and profile.texts == 7
    assert profile.lengths == [3, 1, *[0] * (len(EDGES) - 3), 1, 2]


def test_a_bin_is_named_by_its_lower_limit_the_same_in_a_profile_and_of_one_text():
    scores = {0.0: "0", 0.0009: "0", 0.001: "0.001", 0.5: "0.5", 0.9989: "0.99", 1.0: "0.999"}
    assert {score: bin_of(SCORES, score) for score in scores} == scores
    assert [bin_of(SHARES, share) for share in (0, 0.01, 1)] == ["0", "0.01", "0.5"]
    text = "Ваш заказ задержан, оплатите: http://pay.example/a"
    profile = profile_of([("spam", text)])
    profile.count("score", [bin_of(SCORES, 0.95)])
    profile.count("unknown", [bin_of(SHARES, 0.4)])
    counted = {feature: {b: n for b, n in bins.items() if n} for feature, bins in profile.histograms().items()}
    assert counted == {feature: {name: 1} for feature, name in bins_of(text, "spam", 0.95, 0.4).items()}
    assert "unknown" not in bins_of(text, "spam", 0.95, None)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("see you at 5.30, ok.so what", "0"),
        ("www.a.com and http://b.top/x or c.co.uk/y", "3"),
        ("(http://a.example), royalmail-redeliver.top/pay", "2"),
        ("http://a.com " * 9, "3"),
        ("x " * MEASURED + "http://a.com", "0"),
    ],
)
def test_links_are_counted_up_to_a_bound(text, links):
    assert links_in(text) == links


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("see you", "latin"),
        ("Ça va très bien", "latin"),
        ("Привет, see you", "cyrillic"),
        ("أهلا", "arabic"),
        ("नमस्ते", "devanagari"),
        ("你好", "cjk"),
        ("こんにちは", "kana"),
        ("𝗙𝗥𝗘𝗘", "other"),  # noqa: RUF001
        ("12345 !!", "none"),
        ("£ 5", "none"),
        ("", "none"),
        ("\ud800", "none"),
    ],
)
def test_the_script_is_that_of_most_letters(text, script):
    assert script_of(text) == script


def test_a_profile_of_before_there_were_more_features_is_read_and_has_the_old_ones():
    old = TypeAdapter(TextProfile).validate_json(json.dumps({"labels": {"ham": 2}, "lengths": [2, *[0] * len(EDGES)]}))
    assert old.histograms().keys() == {"label", "length"} and old.texts == 2 and old.positive == ""
    with pytest.raises(ValueError, match="argument"):
        TextProfile(lengths=[1, 2]).histograms()
