"""What each version answered, read from the call log once, in bounded memory.

Kept are the answers to the texts that have a label, the answers to a sample of texts, and sums of the others: a day of
a million calls takes no more memory than one of a hundred thousand.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from registry.call_log import CORRECTION, SHADOW

SAMPLED_TEXTS = 10_000


class JudgedCall(Protocol):
    """What is read of a logged call; `version` is the key, `probability` the answered label's, None in old rows."""

    version: str
    label: str
    probability: float | None
    source: str
    text_sha256: str


class Judgement(NamedTuple):
    """A version's label of a text and the label's probability, None where it is not known."""

    label: str
    probability: float | None


@dataclass
class LabelSum:
    """The calls answered with one label: those whose probability is known, and the sum of these probabilities."""

    known: int = 0
    probability: float = 0.0


@dataclass
class VersionCalls:
    """The calls that a version answered, those that it predicted as the shadow, and both by label."""

    answered: int = 0
    shadowed: int = 0
    labels: dict[str, LabelSum] = field(default_factory=dict)


class TextSample:
    """The labels that versions gave to a sample of the texts: those with the smallest digests (bottom-k sketch).

    A digest is uniform whatever the text is, so each text has the same chance, however often it is asked, and all
    versions' labels of a text are kept or none.
    """

    def __init__(self, size: int = SAMPLED_TEXTS) -> None:
        self.size = size
        self.texts: dict[str, dict[str, str]] = {}  # digest -> version key -> label
        self._largest: str | None = None  # digests above it are left out

    def add(self, digest: str, version: str, label: str) -> None:
        if self._largest is not None and digest > self._largest:
            return
        self.texts.setdefault(digest, {})[version] = label
        if len(self.texts) >= 2 * self.size:
            kept = sorted(self.texts)[: self.size]
            self._largest = kept[-1]
            self.texts = {digest: self.texts[digest] for digest in kept}

    def differing(self, first: str, second: str) -> tuple[int, int]:
        """How many texts of the sample the two versions label differently, and how many both labelled."""
        both = [labels for labels in self.texts.values() if first in labels and second in labels]
        return sum(labels[first] != labels[second] for labels in both), len(both)


class Judgements:
    """What the versions answered: `calls` by version key, `of_labelled` by digest and version key, and a sample."""

    def __init__(self, labelled: Container[str]) -> None:
        """`labelled` are the digests of the texts whose answers are kept."""
        self.labelled = labelled
        self.calls: dict[str, VersionCalls] = {}
        self.of_labelled: dict[str, dict[str, Judgement]] = {}
        self.sample = TextSample()

    def read(self, calls: Iterable[JudgedCall]) -> None:
        """Add calls; those that the caller's own correction answered are no version's."""
        for call in calls:
            if call.source != CORRECTION:
                self._add(call)

    def _add(self, call: JudgedCall) -> None:
        version = self.calls.setdefault(call.version, VersionCalls())
        if call.source == SHADOW:
            version.shadowed += 1
        else:
            version.answered += 1
        label = version.labels.setdefault(call.label, LabelSum())
        if call.probability is not None:
            label.known += 1
            label.probability += call.probability
        self.sample.add(call.text_sha256, call.version, call.label)
        if call.text_sha256 in self.labelled:
            of_text = self.of_labelled.setdefault(call.text_sha256, {})
            if call.version not in of_text or call.probability is not None:  # an old row may be without one
                of_text[call.version] = Judgement(call.label, call.probability)
