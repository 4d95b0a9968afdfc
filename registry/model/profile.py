"""What the training set looked like, kept with each version: what it is asked later can be compared with it."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

EDGES = (20, 30, 40, 50, 70, 100, 130, 160, 320)  # characters; about a tenth of the corpus each, 160 are one SMS


@dataclass
class Shape:
    """How often each label, and how many texts in each bin of length: below the first edge, from it on, ..."""

    labels: dict[str, int] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))

    @property
    def texts(self) -> int:
        return sum(self.lengths)

    def add(self, label: str, length: int) -> None:
        self.labels[label] = self.labels.get(label, 0) + 1
        self.lengths[bisect_right(EDGES, length)] += 1


def shape(rows: Iterable[tuple[str, str]]) -> Shape:
    """The shape of (label, text) rows."""
    found = Shape()
    for label, text in rows:
        found.add(label, len(text))
    return found
