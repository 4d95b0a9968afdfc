"""The scheme `spans`: each kind of span is one token, whatever its digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.model.spans import spans


@pytest.mark.parametrize(
    ("token", "texts"),
    {
        "<money>": [
            "£3.50",
            "Rs.2,350/-",
            "Rs. 500",
            "AED 54.25",
            "20 USD",
            "R250.00",
            "N5,000",
            "$1,200",
            "Ksh70",
            "5€",
        ],
        "<number>": ["2,350", "18.5"],
        "<percent>": ["50%", "2.5%"],
        "<d6>": ["493021", "000000"],
        "<date>": ["14/03/2019", "22-Nov-23", "20th", "2024-01-31", "5Mar"],
        "<time>": ["19:40", "7pm", "08:15-09:30", "7.30pm"],
        "<masked>": ["XX1234", "***812", "4402xxxx19", "x4471", "XXXX-1234"],
        "<phone>": ["+447700900123", "0800-123-4567", "1-800-555-0100"],
        "<reference>": ["EE881023AE", "QGH7XX2Y1"],
    }.items(),
)
def test_spans_of_one_kind_are_one_token(token, texts):
    assert {text: spans(text) for text in texts} == {text: [token] for text in texts}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Pay (£3.50), now!", ["pay", "(", "<money>", ")", ",", "now", "!"]),
        ("URGENT: call me", ["<caps>", "urgent", ":", "call", "me"]),
        ("ok.so later...see", ["ok", ".", "so", "later", ".", ".", ".", "see"]),
        (
            "see netflx-help.com/pay",
            ["see", "<link>", "<.com>", "<compound>", "<not named>", "@netflx", "@help", "<bare>", "<path>"],
        ),
        ("https://a.xyz", ["<link>", "<.xyz>", "<rare suffix>", "<not named>", "@a"]),
        ("me@acme.co.uk", ["<email>", "<.co.uk>", "<not named>", "@acme"]),
        ("http://[", ["http", ":", "/", "/", "["]),
    ],
)
def test_the_rest_are_words_and_marks(text, tokens):
    assert spans(text, {"co.uk"}) == tokens


def test_a_very_long_run_is_a_link_or_words():
    assert spans("https://" + "a" * 300) == ["<link>"]
    assert spans("1a" * 200)[:2] == ["<d1>", "a"]


@given(st.text(alphabet="a1@.-_/:w'!3$%#*x£ X+()\u0301", max_size=60))
def test_every_text_has_tokens_without_blanks_around_them(text):
    assert all(token and token == token.strip() for token in spans(text, {"a.a"}))
