"""No text of 10,000 characters takes long to read, whatever is repeated in it.

A quadratic pattern takes seconds for one of these texts, a linear one some milliseconds: the bound lies far from both.
"""

import itertools
import random
import time

import pytest

from pipelines.data.cleaning import clean, fold
from pipelines.measure.behaviour import disguises
from registry.model import ngrams
from registry.model.normalise import normalise
from registry.model.shapes import shapes
from registry.model.spans import spans
from registry.model.tokenizer import words

LENGTH, SECONDS = 10_000, 0.5
LITERALS = "a1@.-_/:w'!3$&#; \u0301\u0323\u200b\u0430\ufdfa"
KNOWN = [
    "a@",
    "a@a.",
    "www",
    "http:/",
    "a.com_",
    "&#1",
    "&amp",
    "a33!",
    "\u0301\u0323",
    "a b c_",
    "x.co",
    ".co.uk",
    "a11",
    "a.a ",
    "xx1",
    "AED 1",
    "http://a.com/ word",
]


def character_n_grams(text):
    return ngrams.numbers([[]], [text], 2**19)


FUNCTIONS = [normalise, shapes, spans, words, character_n_grams, clean, fold]
FUNCTIONS += [disguises.typo, disguises.zero_width, disguises.leetspeak, disguises.spaced_out, disguises.digits]


def pieces():
    """All single literals and pairs, what was slow once, and some of the longer ones."""
    chosen = random.Random(1)
    longer = ("".join(chosen.choices(LITERALS, k=size)) for size in (3, 4) for _ in range(60))
    pairs = map("".join, itertools.product("a1@.-_ ", repeat=2))
    return sorted({*LITERALS, *KNOWN, *pairs, *longer})


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_time_to_read_a_text_is_bounded(function):
    slow = {}
    for piece in pieces():
        text = (piece * LENGTH)[:LENGTH]
        started = time.process_time()
        function(text)
        if (seconds := time.process_time() - started) > SECONDS:
            slow[piece] = seconds
    assert slow == {}
