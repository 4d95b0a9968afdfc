"""What of the training messages decides the shape of a model."""

from typing import NamedTuple

from pipelines.data.splits import Split
from pipelines.params import FEEDBACK


class Sizes(NamedTuple):
    """How many labels there are, and for how many corpora the wide part has an expert; 1 where it has none."""

    labels: int
    experts: int = 1


def expert_corpora(split: Split) -> list[str]:
    """The corpora that have every label, sorted; none where there are fewer than two."""
    labels: dict[str, set[int]] = {}
    for corpus, label in zip(split.corpora, split.actual, strict=True):
        labels.setdefault(corpus, set()).add(int(label))
    whole = sorted(name for name, own in labels.items() if len(own) == len(split.labels) and name != FEEDBACK)
    return whole if len(whole) > 1 else []


def sizes_of(split: Split) -> Sizes:
    return Sizes(len(split.labels), len(expert_corpora(split)) or 1)
