"""What texts are like, as histograms: of a training set, stored with each version, and of the calls to compare.

| feature | of a text |
| --- | --- |
| `label` | its label |
| `length` | its length in characters |
| `links` | how many links it has |
| `script` | the writing system of most of its letters |
| `score` | the probability of the label to catch |
| `unknown` | the share of its tokens that the version's vocabulary lacks; there is none without a vocabulary |

A model is surer on the texts that it has learnt from, and knows all their words. So the score and the unknown tokens
of a training set are those of texts held out from it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from registry.model.spans import spans

Histogram = dict[str, int]  # the count of texts in each bin; a bin of numbers is named by its lower limit

EDGES = (20, 30, 40, 50, 70, 100, 130, 160, 320)  # characters; about a tenth of the corpus each, 160 are one SMS
SCORES = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)  # of unknown tokens
MOST_LINKS = 3  # more count as this many
MEASURED = 500  # characters of a text that are read for its tokens, links and script: a bound on the time
OTHER_SCRIPT, NO_LETTERS = "other", "none"
# By the first word of a letter's Unicode name, which says its script for all but symbols and rare alphabets.
SCRIPTS = {
    name.upper(): name
    for name in (
        *("latin", "greek", "cyrillic", "arabic", "hebrew", "devanagari", "bengali", "gurmukhi", "gujarati", "tamil"),
        *("telugu", "kannada", "malayalam", "sinhala", "thai", "myanmar", "khmer", "ethiopic", "georgian", "armenian"),
        *("hangul", "cjk"),
    )
} | {"HIRAGANA": "kana", "KATAKANA": "kana"}

_ASCII_LETTER = re.compile("[A-Za-z]")


def bin_of(edges: tuple[float, ...], value: float) -> str:
    """The name of the bin of a number: the greatest edge that is not above it, or 0."""
    position = bisect_right(edges, value)
    return f"{edges[position - 1]:g}" if position else "0"


def links_in(text: str) -> str:
    """The bin of the count of links. A link has no blanks, and a dot."""
    count = sum("." in run and "<link>" in spans(run) for run in text[:MEASURED].split())
    return str(min(count, MOST_LINKS))


def script_of(text: str) -> str:
    """The writing system of most of the text's letters."""
    text = text[:MEASURED]
    if text.isascii():
        return "latin" if _ASCII_LETTER.search(text) else NO_LETTERS
    scripts = Counter(map(_script, filter(str.isalpha, text)))
    return scripts.most_common(1)[0][0] if scripts else NO_LETTERS


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    return SCRIPTS.get(unicodedata.name(letter, "").partition(" ")[0].partition("-")[0], OTHER_SCRIPT)


def bins_of(text: str, label: str, score: float, unknown_share: float | None) -> dict[str, str]:
    """The bin of an answered text by each feature; `unknown_share` is of its first MEASURED characters."""
    bins = {
        "label": label,
        "length": bin_of(EDGES, len(text)),
        "links": links_in(text),
        "script": script_of(text),
        "score": bin_of(SCORES, score),
    }
    return bins if unknown_share is None else bins | {"unknown": bin_of(SHARES, unknown_share)}


@dataclass
class TextProfile:
    """The histograms of some texts.

    `lengths` are the counts of the bins with the limits `EDGES`. `features` has the histograms of the other features;
    it is empty in a version of before they were measured. `positive` is the label whose probability the score is.
    """

    labels: Histogram = field(default_factory=dict)
    lengths: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))
    features: dict[str, Histogram] = field(default_factory=dict)
    positive: str = ""

    @property
    def texts(self) -> int:
        return sum(self.lengths)

    def add(self, label: str, length: int) -> None:
        self.labels[label] = self.labels.get(label, 0) + 1
        self.lengths[bisect_right(EDGES, length)] += 1

    def count(self, feature: str, bins: Iterable[str]) -> None:
        """Count texts by another feature, each by its bin."""
        histogram = self.features.setdefault(feature, {})
        for name, texts in sorted(Counter(bins).items()):
            histogram[name] = histogram.get(name, 0) + texts

    def histograms(self) -> dict[str, Histogram]:
        """The histogram of each feature that was measured. Raises ValueError for other bins than `EDGES`."""
        names = ["0", *(str(edge) for edge in EDGES)]
        return {"label": self.labels, "length": dict(zip(names, self.lengths, strict=True)), **self.features}


def profile_of(rows: Iterable[tuple[str, str]]) -> TextProfile:
    """The profile of (label, text) rows, by all that is seen without a model."""
    profile, links, scripts = TextProfile(), [], []
    for label, text in rows:
        profile.add(label, len(text))
        links.append(links_in(text))
        scripts.append(script_of(text))
    profile.count("links", links)
    profile.count("script", scripts)
    return profile
