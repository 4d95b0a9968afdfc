"""Slots: names and brands that vary in training, so that no decision rests on whose name happened to be written.

`Netflix` is in genuine messages and in fake ones. A message gets, with a seed, other names of the same kind, each in
all its places: `HDFC Bank ... hdfcbank.com` becomes `Axis Bank ... axisbank.com`. The digits of codes, amounts and
telephone numbers are drawn anew. Held-out messages are read as they were written.
"""

import csv
import random
import re
import string
from collections.abc import Sequence
from pathlib import Path

_NUMBER = re.compile(r"(?<=\d)\d{2,}")  # of three digits or more, behind the first, which tells a kind of number
SLOTS = Path(__file__).parents[1] / "written" / "slots.csv"


def read_slots() -> dict[str, list[str]]:
    """The values of each slot, by the slot's name."""
    with open(SLOTS, newline="", encoding="utf-8") as file:
        return {row["slot"]: row["values"].split(";") for row in csv.DictReader(file)}


class SlotFiller:
    """Varies the slots of texts; the same seed and texts give the same results."""

    def __init__(self, slots: dict[str, list[str]], share: float, seed: int) -> None:
        """`share` is the probability that a name is replaced."""
        self._values = slots
        self._share = share
        self._random = random.Random(seed)
        self._slot_of = {value: slot for slot, values in slots.items() for value in values}
        self._written = {value.lower(): value for value in self._slot_of}
        names = sorted(map(re.escape, self._slot_of), key=len, reverse=True)
        self._names = re.compile(rf"\b(?:{'|'.join(names)})\b", re.IGNORECASE)

    def vary(self, texts: Sequence[str]) -> list[str]:
        return [self._vary(text) for text in texts]

    def _vary(self, text: str) -> str:
        for name in sorted({self._written[match.group().lower()] for match in self._names.finditer(text)}):
            if self._random.random() < self._share:
                text = _replace(text, name, self._random.choice(self._values[self._slot_of[name]]))
        return _NUMBER.sub(self._digits, text)

    def _digits(self, number: re.Match) -> str:
        return "".join(self._random.choices(string.digits, k=len(number.group())))


def _compact(name: str) -> str:
    """The name as it stands in a domain: lower case, letters and digits alone."""
    return "".join(filter(str.isalnum, name.lower()))


def _replace(text: str, name: str, other: str) -> str:
    """The text with `other` for `name`, in capitals where it was; in a link without blanks and capitals."""
    compact = re.escape(_compact(name))
    if len(compact) > 2:
        text = re.sub(rf"(?<=[./@-]){compact}|{compact}(?=[a-z-]*\.[a-z])", _compact(other), text)
    word = re.compile(rf"(?<![./@-])\b{re.escape(name)}\b(?!\.[a-z])", re.IGNORECASE)
    return word.sub(lambda match: other.upper() if match.group().isupper() else other, text)
