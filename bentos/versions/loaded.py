"""The versions that are loaded now, as one immutable snapshot: whoever holds it sees no version come or go."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.mock import MockModel
from registry.model.artifact import Artifact, ArtifactError
from registry.route import DEFAULT, Routing

HINTS = ("run `make up`", "run `python -m registry promote REF`")

logger = logging.getLogger(__name__)


class Model(Protocol):
    labels: tuple[str, ...]

    def predict(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """Each text's {label: probability}; safe to call from several threads."""


@dataclass(frozen=True)
class Loaded:
    """A version ready to answer. `key` names its content in the cache and the log, `number` names it to callers."""

    number: str
    key: str
    aliases: tuple[str, ...]
    model: Model
    about: dict[str, Any] = field(default_factory=dict)  # digest, variant, created_at, metrics
    mock: bool = False


@dataclass(frozen=True)
class Refused:
    """A version that should be served and cannot be, with the reason."""

    number: str
    aliases: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Served:
    """What is served, newest first, what was refused, why there is nothing where there is nothing, and the routing."""

    versions: tuple[Loaded, ...] = ()
    refused: tuple[Refused, ...] = ()
    why_empty: str = ""
    routing: Routing = field(default_factory=Routing)

    @cached_property
    def by_ref(self) -> dict[str, Loaded]:
        """The loaded version of each number and alias."""
        return {ref: version for version in self.versions for ref in (version.number, *version.aliases)}

    @property
    def default(self) -> Loaded | None:
        return self.by_ref.get(DEFAULT)

    @property
    def shadow(self) -> Loaded | None:
        """The version that hears every call and answers none."""
        return self.by_ref.get(self.routing.shadow) if self.routing.shadow else None

    @cached_property
    def why_not_ready(self) -> str:
        """Why a call that names no version cannot be answered, and what to do; empty when it can."""
        if self.default:
            return ""
        if refused := next((r for r in self.refused if DEFAULT in r.aliases), None):
            return f"version {refused.number}, the {DEFAULT}, cannot be served: {refused.why}"
        return self.why_empty or f"no version is {DEFAULT}: run `python -m registry promote REF`"


def hinted(why: str) -> str:
    """What anybody may read of a reason: never a path, an address or what another program had to say."""
    hint = next((hint for hint in HINTS if why.endswith(hint)), "the log and /versions say why")
    return f"no version is ready to answer as {DEFAULT}: {hint}"


def serve_mock() -> Served:
    return Served((Loaded("mock", "mock", (DEFAULT,), MockModel(), {"variant": "mock"}, mock=True),))


def serve(catalogue: Catalogue, base: Path = Path(), before: Served | None = None) -> Served:
    """Load a catalogue, whose folders are relative to `base`, taking over what `before` has loaded.

    A broken version is refused; its aliases stay on the versions that they had in `before`.
    """
    before = before or Served()
    known = {(version.key, version.about.get("digest")): version for version in before.versions}
    loaded, refused = [], []
    for entry in catalogue.entries:
        try:
            loaded.append(_renamed(known.get((entry.key, entry.digest)), entry) or _load(entry, base))
        except ArtifactError as error:
            refused.append(Refused(entry.number, entry.aliases, str(error)))
            if refused[-1] not in before.refused:
                logger.error("version %s is not served: %s", entry.number, error)
    return Served(_with_held(loaded, refused, before), tuple(refused), routing=catalogue.routing)


def _renamed(version: Loaded | None, entry: Entry) -> Loaded | None:
    return version and replace(version, aliases=entry.aliases, about=_about(entry))


def _with_held(loaded: list[Loaded], refused: list[Refused], before: Served) -> tuple[Loaded, ...]:
    """The loaded versions, newest first, with the aliases that cannot move to a refused one."""
    versions = {version.key: version for version in loaded}
    for alias in (alias for version in refused for alias in version.aliases):
        if held := before.by_ref.get(alias):
            now = versions.get(held.key, replace(held, aliases=()))
            versions[held.key] = replace(now, aliases=(*now.aliases, alias))
    return tuple(sorted(versions.values(), key=lambda version: int(version.number), reverse=True))


def _load(entry: Entry, base: Path) -> Loaded:
    """Load a version and run it once, so that no caller pays for its first prediction."""
    if entry.folder is None:
        raise ArtifactError(entry.why)
    artifact = Artifact.load(base / entry.folder)
    if artifact.digest != entry.digest:
        raise ArtifactError(f"its digest is {artifact.digest}, the registry says {entry.digest}")
    try:
        artifact.predict(["warm up"])
    except Exception as error:  # onnxruntime raises types of its own for a graph that does not run
        raise ArtifactError(f"it does not predict: {error}") from error
    return Loaded(entry.number, entry.key, entry.aliases, artifact, _about(entry))


def _about(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ("digest", "variant", "created_at", "metrics")}
