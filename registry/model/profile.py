"""A histogram of labels and text lengths: of a training set, stored with each version, and of the calls to compare."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

EDGES = (20, 30, 40, 50, 70, 100, 130, 160, 320)  # characters; about a tenth of the corpus each, 160 are one SMS


@dataclass
class TextProfile:
    """The count of each label, and of the texts in each bin of length, whose limits are `EDGES`."""

    labels: dict[str, int] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=lambda: [0] * (len(EDGES) + 1))

    @property
    def texts(self) -> int:
        return sum(self.lengths)

    def add(self, label: str, length: int) -> None:
        self.labels[label] = self.labels.get(label, 0) + 1
        self.lengths[bisect_right(EDGES, length)] += 1


def profile_of(rows: Iterable[tuple[str, str]]) -> TextProfile:
    """The profile of (label, text) rows."""
    profile = TextProfile()
    for label, text in rows:
        profile.add(label, len(text))
    return profile
