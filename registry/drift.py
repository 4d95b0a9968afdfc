"""How far what a version is asked, and what it answers, have moved from its training set.

The population stability index of two histograms with shares p and q is the sum of (p - q) ln(p / q) over their bins.
Below .1 nothing has happened, from .25 on the population is another: Siddiqi, Credit Risk Scorecards (2006). Where
nothing has moved it is about chi-square(bins - 1) times (1/n + 1/m), n and m being the sizes of the two samples
(Yurdakul and Naranjo, https://doi.org/10.21314/JRMV.2020.227): on 10 bins and 200 calls .1 comes by chance once in
twenty times, and on fewer more often.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.model.profile import TextProfile
from registry.versions import Registry, RegistryError, Version

SHIFTING, DRIFTED = 0.1, 0.25
ENOUGH = 200  # calls
EMPTY = 0.5  # texts that a bin without any counts as, or its share of the index would be infinite


@dataclass(frozen=True)
class Drift:
    """A version's calls, the two indices where they can be told, and what that means."""

    version: str
    aliases: tuple[str, ...]
    calls: int
    labels: float | None
    lengths: float | None
    verdict: str


def psi(before: Sequence[float], after: Sequence[float]) -> float:
    """The index of two histograms over the same bins, each with any count in it; what is empty in both has no part."""
    m, n = sum(before), sum(after)
    found = [(max(p, EMPTY) / m, max(q, EMPTY) / n) for p, q in zip(before, after, strict=True) if p or q]
    return sum((q - p) * math.log(q / p) for p, q in found)


def drift(version: Version, trained: TextProfile | None, served: TextProfile) -> Drift:
    """`trained` is absent where a version was registered without it."""
    if trained is None:
        return _untold(version, served, "no record of its training set: `dvc repro` registers it with one")
    if served.texts < ENOUGH:
        return _untold(version, served, f"too few calls, {ENOUGH} say something")
    names = sorted(trained.labels | served.labels)
    labels = psi(*([shape.labels.get(name, 0) for name in names] for shape in (trained, served)))
    lengths = psi(trained.lengths, served.lengths)
    return Drift(version.number, version.aliases, served.texts, labels, lengths, word(max(labels, lengths)))


def _untold(version: Version, served: TextProfile, why: str) -> Drift:
    return Drift(version.number, version.aliases, served.texts, None, None, why)


def word(index: float) -> str:
    if index < SHIFTING:
        return "stable"
    return "shifting" if index < DRIFTED else "drifted"


def drifts(registry: Registry, served: Mapping[str, TextProfile]) -> list[Drift]:
    """Of every version that was called or has an alias, newest first; `served` is by the versions' keys."""
    asked = [version for version in registry.versions() if version.aliases or version.key in served]
    return [_drift(registry, version, served.get(version.key, TextProfile())) for version in asked]


def _drift(registry: Registry, version: Version, served: TextProfile) -> Drift:
    try:
        return drift(version, trained_on(registry, version), served)
    except (RegistryError, ValueError, TypeError, AttributeError) as error:  # the others: not written here
        return _untold(version, served, f"its artifact cannot be read: {error}")


def trained_on(registry: Registry, version: Version) -> TextProfile | None:
    """The shape of the version's training set, read from its own artifact."""
    details = registry.text(version, "evaluation", "details.json")
    found = json.loads(details).get("training") if details else None
    return TextProfile(**found) if found else None


def gather(calls: Iterable[tuple[str, str, int]]) -> dict[str, TextProfile]:
    """The shapes of calls (version key, label, characters) by version."""
    found: dict[str, TextProfile] = {}
    for key, label, length in calls:
        found.setdefault(key, TextProfile()).add(label, length)
    return found
