"""The served versions: the snapshot of loaded models that a request works with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from registry.model.artifact import Prediction
from registry.model.decision import Decision, MostProbable
from registry.model.profile import TextProfile
from registry.route import Routing
from registry.versions import CHAMPION, Version

RUN_MAKE_UP, RUN_PROMOTE = "run `make up`", "run `python -m registry promote REF`"
# What to do, at the end of a problem. `public_hint` recognises a problem by this ending: a new problem with a remedy
# must end with one of these.
HINTS = (RUN_MAKE_UP, RUN_PROMOTE)


class Model(Protocol):
    labels: tuple[str, ...]
    decision: Decision | MostProbable

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """Each text's prediction. May be called from several threads at once."""

    def classify_each(self, texts: Sequence[str]) -> list[Prediction]:
        """As `classify` of each text alone, to the last bit."""

    def unknown_share(self, text: str) -> float | None:
        """The share of the text's tokens that are not in the vocabulary; None where it is empty."""


@dataclass(frozen=True)
class LoadedVersion:
    """A version whose model is in memory and has run once.

    `source_problem` says why this version could not be loaded from the registry now; empty when it could. `report` is
    the file of its report. `reference` is the profile of its training set, where it was registered with one.
    """

    version: Version
    model: Model
    mock: bool = False
    source_problem: str = ""
    report: Path | None = None
    reference: TextProfile | None = None

    @property
    def number(self) -> str:
        """The version's name for callers."""
        return self.version.number

    @cached_property
    def key(self) -> str:
        """The version's name in the cache and the log; it includes the digest of its content."""
        return "mock" if self.mock else self.version.key

    @property
    def aliases(self) -> tuple[str, ...]:
        return self.version.aliases


@dataclass(frozen=True)
class RefusedVersion:
    """A version that should be served and cannot be, and the problem."""

    number: str
    aliases: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class ServedVersions:
    """The served versions as one immutable snapshot, newest first.

    A request reads the snapshot once, so it never sees a version come or go. `problem` says why there are none, or why
    the registry's champion is not taken up.
    """

    versions: tuple[LoadedVersion, ...] = ()
    refused: tuple[RefusedVersion, ...] = ()
    problem: str = ""
    routing: Routing = field(default_factory=Routing)

    @cached_property
    def by_ref(self) -> dict[str, LoadedVersion]:
        """The loaded version of each number and alias."""
        return {ref: version for version in self.versions for ref in (version.number, *version.aliases)}

    @property
    def default(self) -> LoadedVersion | None:
        """The champion, which answers calls that name no version."""
        return self.by_ref.get(CHAMPION)

    @property
    def shadow(self) -> LoadedVersion | None:
        """The version that predicts every call as well, without answering it."""
        return self.by_ref.get(self.routing.shadow) if self.routing.shadow else None

    @cached_property
    def why_no_champion(self) -> str:
        """Why a call that names no version cannot be answered, and what to do; empty when it can."""
        if self.default:
            return ""
        if refused := next((version for version in self.refused if CHAMPION in version.aliases), None):
            return f"version {refused.number}, the {CHAMPION}, cannot be served: {refused.problem}"
        return self.problem or f"no version is {CHAMPION}: {RUN_PROMOTE}"


class CurrentVersions:
    """Holds the snapshot in force. Only the state watcher (`bentos.versions.following.watcher`) replaces it."""

    def __init__(self, served: ServedVersions) -> None:
        self.served = served


def public_hint(problem: str) -> str:
    """What a caller without a key may read of `problem`: no path, no address, no other program's message."""
    hint = next((hint for hint in HINTS if problem.endswith(hint)), "the log and /versions say why")
    return f"no version is ready to answer as {CHAMPION}: {hint}"


def changes(before: ServedVersions, after: ServedVersions) -> dict[str, list[str]]:
    """The numbers of the versions that were loaded, unloaded and refused between two snapshots, by event."""
    old, new = ({version.key: version.number for version in served.versions} for served in (before, after))
    return {
        "load": [number for key, number in new.items() if key not in old],
        "unload": [number for key, number in old.items() if key not in new],
        "refuse": [version.number for version in after.refused if version not in before.refused],
    }
