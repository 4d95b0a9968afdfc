"""The scheme `shapes` finds what its pattern finds, in linear time."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.model.shapes import shapes

PATTERN = re.compile(
    r"(?P<url>(?:https?://|www\.)\S+|\b[a-z0-9-]+\.(?:com|net|org|info|biz|tv|co\.uk)\b\S*)"
    r"|(?P<email>\S+@\S+\.\w+)"
    r"|(?P<digits>\d+)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)"
    r"|(?P<mark>[^\w\s]|_)",
    re.IGNORECASE,
)
PIECES = [
    "a",
    "B",
    "é",
    "\u017f",
    "\u212a",
    "1",
    "²",
    "٣",
    "_",
    "-",
    ".",
    "@",
    ":",
    "/",
    "http://",
    "https:/",
    "www.",
    "İ",
]
PIECES += [
    "WWW.",
    ".com",
    ".co.uk",
    ".net",
    ".infox",
    "'",
    " ",
    "\t",
    "\u00a0",
    "\u2019",
    "🎁",
    "中",
    "ß",
    "İ",
    "co",
    "uk",
]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Call 09061701461 NOW", ["call", "<d11>", "<caps>", "now"]),
        ("Call 08712300220 now", ["call", "<d11>", "now"]),
        ("£1000 prize!!", ["£", "<d4>", "prize", "!", "!"]),
        ("see www.example.com/a?b=1 ok", ["see", "<url>", "ok"]),
        ("mail me@example.co.uk", ["mail", "<email>"]),
        ("don't go 2nite", ["don't", "go", "<d1>", "nite"]),
        ("I am <#> late", ["i", "am", "<", "#", ">", "late"]),
        (" \n ", []),
    ],
)
def test_shapes(text, tokens):
    assert shapes(text) == tokens


def by_pattern(text):
    """The tokens as the pattern in the module's docstring defines them: cubic, and short."""
    tokens = []
    for match in PATTERN.finditer(text):
        token, kind = match.group(), match.lastgroup
        if kind == "word":
            tokens += (["<caps>"] if len(token) > 1 and token.isupper() else []) + [token.lower()]
        else:
            tokens.append({"digits": f"<d{min(len(token), 12)}>", "mark": token}.get(kind, f"<{kind}>"))
    return tokens


@settings(max_examples=2_000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_the_tokens_are_those_of_the_pattern(text):
    assert shapes(text) == by_pattern(text)
