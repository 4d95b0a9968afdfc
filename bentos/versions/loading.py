"""Loads a catalogue: from the versions that should be served to a snapshot of those that can be."""

import ctypes
import logging
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.loaded import LoadedVersion, Model, RefusedVersion, ServedVersions
from bentos.versions.references import reference_of
from bentos.versions.reports import report_of
from registry.model.artifact import Artifact, ArtifactError
from registry.versions import CHAMPION

NO_CHAMPION = f"the registry names no {CHAMPION} to serve: the last one goes on until it does"

logger = logging.getLogger(__name__)


def load(catalogue: Catalogue, base: Path = Path(), before: ServedVersions | None = None) -> ServedVersions:
    """Load a catalogue whose folders are relative to `base`; models that `before` has in memory are used again.

    A version that cannot be loaded is refused; its aliases stay on the versions that had them in `before`. If no
    version in the catalogue is champion, the champion of `before` also keeps its alias.
    """
    before = before or ServedVersions()
    in_memory = {(loaded.key, loaded.version.digest): loaded for loaded in before.versions}
    models = {loaded.version.digest: loaded.model for loaded in before.versions}
    versions, refused = [], []
    for entry in catalogue.entries:
        version = entry.version
        try:
            known = in_memory.get((version.key, version.digest))
            loaded = replace(known, version=version) if known else _load(entry, base, models)
            report = report_of(base / entry.folder, version) if entry.folder else loaded.report
            reference = loaded.reference or (reference_of(base / entry.folder, version) if entry.folder else None)
            problem = entry.source_problem or version.problem
            versions.append(replace(loaded, source_problem=problem, report=report, reference=reference))
        except ArtifactError as error:
            refused.append(RefusedVersion(version.number, version.aliases, str(error)))
            if refused[-1] not in before.refused:
                logger.error("version %s is not served: %s", version.number, error)
    _return_freed_memory()
    no_champion = catalogue.champion_problem or NO_CHAMPION
    served = _with_kept_aliases(versions, refused, before, no_champion)
    _log_source_problems(served, before)
    return ServedVersions(served, tuple(refused), catalogue.champion_problem, catalogue.routing)


def _with_kept_aliases(
    versions: list[LoadedVersion], refused: list[RefusedVersion], before: ServedVersions, no_champion: str
) -> tuple[LoadedVersion, ...]:
    """The loaded versions, newest first, with the aliases that stay where they were in `before`.

    `no_champion` is the source problem of a champion that stays.
    """
    by_key = {loaded.key: loaded for loaded in versions}
    for alias in (alias for version in refused for alias in version.aliases):
        if holder := before.by_ref.get(alias):
            loaded = by_key.get(holder.key, _with_aliases(holder, ()))
            by_key[holder.key] = _with_aliases(loaded, (*loaded.aliases, alias))
    holder = before.default
    if holder and not any(CHAMPION in version.aliases for version in (*by_key.values(), *refused)):
        loaded = by_key.get(holder.key, _with_aliases(holder, ()))
        kept = _with_aliases(loaded, (*loaded.aliases, CHAMPION))
        by_key[holder.key] = replace(kept, source_problem=no_champion)
    return tuple(sorted(by_key.values(), key=lambda loaded: int(loaded.number), reverse=True))


def _log_source_problems(served: tuple[LoadedVersion, ...], before: ServedVersions) -> None:
    """A line for each version whose source has come to have a problem."""
    old = {loaded.key: loaded.source_problem for loaded in before.versions}
    for loaded in served:
        problem = loaded.source_problem
        if problem and problem != old.get(loaded.key):
            logger.warning("version %s goes on being served, from memory or its copy: %s", loaded.number, problem)


def _with_aliases(loaded: LoadedVersion, aliases: tuple[str, ...]) -> LoadedVersion:
    return replace(loaded, version=replace(loaded.version, aliases=aliases))


def _load(entry: Entry, base: Path, models: dict[str, Model]) -> LoadedVersion:
    """The version with its model: that of the same digest in `models`, or one that is loaded and put there."""
    version = entry.version
    if entry.folder is None:
        raise ArtifactError(version.problem)
    if version.digest not in models:
        models[version.digest] = _load_model(base / entry.folder, version.digest)
    return LoadedVersion(version, models[version.digest])


def _load_model(folder: Path, digest: str) -> Artifact:
    """Load a model and run it once, so that the first caller does not wait for the warm-up."""
    artifact = Artifact.load(folder)
    if artifact.digest != digest:
        raise ArtifactError(f"its digest is {artifact.digest}, the registry says {digest}")
    try:
        artifact.predict(["warm up"])
    except Exception as error:  # onnxruntime has exception types of its own for a graph that does not run
        raise ArtifactError(f"it does not predict: {error}") from error
    return artifact


def _return_freed_memory() -> None:
    """Give what loading has freed back to the system: glibc keeps blocks of a graph's size once it has had one."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
