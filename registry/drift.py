"""How far the calls of a version have moved from its training set.

The population stability index (PSI) of two histograms with shares p and q is the sum of (p - q) ln(p / q) over their
bins. Below .1 the two are alike, from .25 on they differ: Siddiqi, Credit Risk Scorecards (2006). Between two samples
of n and m texts from one population it is about chi-square(bins - 1) times (1/n + 1/m) (Yurdakul and Naranjo,
https://doi.org/10.21314/JRMV.2020.227): with 10 bins and 200 calls it exceeds .1 by chance once in twenty times, and
with fewer calls more often.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from registry.errors import RegistryError
from registry.model.profile import SCORES, Histogram, TextProfile, bin_of
from registry.versions import Registry, Version

SHIFTING, DRIFTED = 0.1, 0.25
MIN_CALLS = 200
SCORE_BINS = [bin_of(SCORES, edge) for edge in (0.0, *SCORES)]
MIRRORED = dict(zip(SCORE_BINS, reversed(SCORE_BINS), strict=True))  # the bin of 1 - p: the limits are symmetrical
EMPTY_BIN = 0.5  # texts that stand for an empty bin: a share of zero would make the index infinite


@dataclass(frozen=True)
class Drift:
    """The PSI of a version's labels, lengths and scores, None where they cannot be computed.

    `verdict` says what the greatest of them means.
    """

    version: str
    aliases: tuple[str, ...]
    calls: int
    labels: float | None
    lengths: float | None
    scores: float | None
    verdict: str

    @property
    def drifted(self) -> bool:
        return self.verdict == verdict_of(DRIFTED)


def psi(before: Sequence[float], after: Sequence[float]) -> float:
    """The index of two histograms over the same bins, neither of them empty; a bin empty in both counts nothing."""
    m, n = sum(before), sum(after)
    bins = [(max(p, EMPTY_BIN) / m, max(q, EMPTY_BIN) / n) for p, q in zip(before, after, strict=True) if p or q]
    return sum((q - p) * math.log(q / p) for p, q in bins)


def indices(before: Mapping[str, Histogram], after: Mapping[str, Histogram]) -> dict[str, float]:
    """The index of each feature that is in both; none of a feature with fewer than MIN_CALLS texts in `after`."""
    features = [name for name in before if before[name] and sum(after.get(name, {}).values()) >= MIN_CALLS]
    return {name: _index(before[name], after[name]) for name in features}


def _index(before: Histogram, after: Histogram) -> float:
    bins = sorted(before.keys() | after.keys())
    return psi(*([histogram.get(name, 0) for name in bins] for histogram in (before, after)))


def verdict_of(index: float) -> str:
    if index < SHIFTING:
        return "stable"
    return "shifting" if index < DRIFTED else "drifted"


@dataclass
class CalledProfile(TextProfile):
    """The profile of a version's calls, by what the log has of them.

    `probabilities` are those of the answered labels: the count of calls by label and bin.
    """

    probabilities: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count_scores(self, positive: str) -> None:
        """Count the calls by score, where no label is there but `positive` and another one."""
        if positive and len(self.labels.keys() | {positive}) <= 2:
            for (label, name), calls in self.probabilities.items():
                scores = self.features.setdefault("score", {})
                score = name if label == positive else MIRRORED[name]
                scores[score] = scores.get(score, 0) + calls


def drift(version: Version, trained: TextProfile | None, called: CalledProfile) -> Drift:
    """Compare the profile of a version's calls with that of its training set, if it was registered with one."""
    if not (trained and trained.texts):
        return _unknown(version, called, "no record of its training set: `dvc repro` registers it with one")
    if called.texts < MIN_CALLS:
        return _unknown(version, called, f"too few calls, {MIN_CALLS} say something")
    called.count_scores(trained.positive)
    found = indices(trained.histograms(), called.histograms())
    labels, lengths, scores = (found.get(feature) for feature in ("label", "length", "score"))
    verdict = verdict_of(max(found.values()))
    return Drift(version.number, version.aliases, called.texts, labels, lengths, scores, verdict)


def _unknown(version: Version, called: CalledProfile, reason: str) -> Drift:
    return Drift(version.number, version.aliases, called.texts, None, None, None, reason)


def drifts(registry: Registry, profiles: Mapping[str, CalledProfile]) -> list[Drift]:
    """The drift of every version that has an alias or was called, newest first; `profiles` are by version key."""
    return [
        _drift(registry, version, profiles.get(version.key, CalledProfile()))
        for version in registry.versions()
        if version.aliases or version.key in profiles
    ]


def _drift(registry: Registry, version: Version, called: CalledProfile) -> Drift:
    try:
        return drift(version, registry.details(version).training, called)
    except (RegistryError, ValueError) as error:
        return _unknown(version, called, f"its artifact cannot be read: {error}")


def profiles_of(calls: Iterable[tuple[str, str, int, float | None]]) -> dict[str, CalledProfile]:
    """The profile of each version's calls, from (version key, label, characters, the label's probability)."""
    profiles: dict[str, CalledProfile] = defaultdict(CalledProfile)
    for key, label, characters, probability in calls:
        profiles[key].add(label, characters)
        if probability is not None:  # as in rows of before it was logged
            profiles[key].probabilities[label, bin_of(SCORES, probability)] += 1
    return dict(profiles)
