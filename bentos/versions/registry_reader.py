"""Reads the catalogue from the MLflow registry, for the follower and for `python -m bentos build`."""

import logging
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.copies import Copies
from bentos.versions.loaded import RUN_MAKE_UP, RUN_PROMOTE
from bentos.versions.selection import ALIASES, select, unknown
from registry.errors import RegistryError
from registry.model.artifact import ArtifactError, Stamps, damage, stamps
from registry.quality.published import LiveQuality
from registry.quick import DetachedRegistry
from registry.reading.mlflow_process import MLflowProcess
from registry.route import routing_in
from registry.settings import without_passwords
from registry.versions import CHAMPION, Version

RETRY = 60.0  # seconds before a damaged version, or a copy that could not be kept, is tried again
EVERY_TIME, NEVER = 0.0, math.inf  # as the `retry_at` of a located version

logger = logging.getLogger(__name__)


class CatalogueError(Exception):
    """The registry gives no catalogue; the message says why and what to do."""


class RegistryReader:
    """Reads which versions the registry has and selects those that `policy` (SERVED_VERSIONS) asks for.

    With `copies` an entry's folder is the version's copy, relative to the folder of all copies; without, or where none
    can be kept, it is the registry's own. With `admitted_only` a version that was never admitted is no champion. It
    keeps what it has located and checked, so that reading again is cheap. A folder below `downloads` was copied from a
    remote store, which is not asked again. `mlflow` is MLflow's process, for what cannot be read without.
    """

    def __init__(
        self,
        model_name: str,
        tracking_uri: str,
        policy: str = ALIASES,
        downloads: Path | None = None,
        copies: Copies | None = None,
        admitted_only: bool = True,
        mlflow: MLflowProcess | None = None,
    ) -> None:
        self.admitted_only = admitted_only
        self.model_name = model_name
        self.tracking_uri = tracking_uri
        self.policy = policy
        self.downloads = downloads
        self.copies = copies
        self.mlflow = mlflow or MLflowProcess()
        self._registry = DetachedRegistry(model_name, tracking_uri, self.mlflow)
        self._located: dict[str, _Located] = {}  # by the version's key

    @property
    def database(self) -> Path | None:
        """The registry's SQLite file; None for another kind of registry."""
        path = self.tracking_uri.removeprefix("sqlite:///")
        return Path(path) if path != self.tracking_uri else None

    def catalogue(self) -> Catalogue:
        """The registry's state now. Raises CatalogueError, also where no version is to be served."""
        if self.database and not self.database.exists():
            raise CatalogueError(f"there is no model registry at {self.tracking_uri} yet: {RUN_MAKE_UP}")
        try:
            return self._read()
        except RegistryError as error:
            raise CatalogueError(f"the model registry cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise CatalogueError(f"the model registry holds tags of another program: {error!r}") from error
        finally:
            self.mlflow.end()

    def _read(self) -> Catalogue:
        model = self._registry.model()
        if model is None:
            uri = without_passwords(self.tracking_uri)
            raise CatalogueError(f"{uri} has no model {self.model_name} yet: {RUN_MAKE_UP}")
        versions = [version for version in model.versions if version.aliases or not version.problem]
        routing, quality = routing_in(model.tags), LiveQuality.from_tags(model.tags)
        selected, champion_problem = select(versions, self.policy), ""
        if self.admitted_only:
            selected, champion_problem = _without_unadmitted_champion(selected)
        entries = [self._entry(version) for version in selected]
        if not entries:
            raise CatalogueError(f"no version of {self.model_name} is promoted: {RUN_PROMOTE}")
        keys = {entry.version.key for entry in entries}
        self._located = {key: located for key, located in self._located.items() if key in keys}
        return Catalogue((*entries, *map(Entry, unknown(versions, self.policy))), routing, champion_problem, quality)

    @property
    def files_changed(self) -> bool:
        """Whether a version's files have changed since the catalogue was read, or should be looked for again."""
        return any(located.stale for located in self._located.values())

    def _entry(self, version: Version) -> Entry:
        """The version with its folder, or with the problem that it has none."""
        if version.problem:
            return Entry(version)
        located = self._located.get(version.key)
        if located is None or located.stale:
            located = self._located[version.key] = self._locate(version)
        if located.folder is None:
            return Entry(replace(version, problem=located.problem))
        return Entry(version, located.folder, located.problem)

    def _locate(self, version: Version) -> "_Located":
        """Find the version's files in the registry, check their digest and keep a copy, or fall back to the copy.

        | in the registry | served from | looked for again |
        | --- | --- | --- |
        | cannot be read | its copy, if there is a whole one | every time |
        | damaged | its copy, if there is a whole one | after RETRY, or when its files or the copy's change |
        | whole, no copies are kept | the registry | when its files change |
        | whole, but the copying fails | the registry | after RETRY (a download: never), or when its files change |
        | whole and copied | its copy | when its files or the copy's change |
        | on another machine | its copy, or else a download of it | when the copy's change |

        The files of a download are watched only while it is served from: it is deleted otherwise.
        """
        try:
            source = self._registry.local_folder(version)
            if source is None and self._has_copy(version):
                return self._at_copy(version, _Located(None))
            source = (source or self._registry.download(version, self.downloads)).absolute()
        except RegistryError as error:
            return self._fall_back(version, _Located(None, str(error), retry_at=EVERY_TIME))
        retry_at = time.monotonic() + RETRY
        is_download = self.downloads is not None and source.is_relative_to(self.downloads)
        own = {source: stamps(source)}  # before the files are read
        watched = {} if is_download else own
        if problem := damage(source, version.digest):
            problem = problem.replace(str(source), "its download") if is_download else problem
            return self._fall_back(version, _Located(None, problem, watched, retry_at))
        if self.copies is None:
            return _Located(str(source), "", own)
        try:
            self.copies.keep(source, version.digest)
        except ArtifactError as error:
            logger.warning("version %s is served without a copy: %s", version.number, error)
            return _Located(str(source), "", own, NEVER if is_download else retry_at)
        try:
            self.copies.keep_report(source, version)
        except ArtifactError as error:
            logger.warning("version %s is served without its report: %s", version.number, error)
        try:
            self.copies.keep_details(source, version)
        except ArtifactError as error:
            logger.warning("the drift of version %s cannot be measured without the registry: %s", version.number, error)
        return self._at_copy(version, _Located(None, "", watched))

    def _has_copy(self, version: Version) -> bool:
        """Whether there is a whole copy, also of what belongs to this version alone."""
        return self.copies is not None and self.copies.is_complete(version)

    def _fall_back(self, version: Version, located: "_Located") -> "_Located":
        """The version at its copy, where there is a whole one."""
        if self.copies is None or not (self.copies.folder / version.digest).exists():
            return located
        if damaged := self.copies.damage(version.digest):
            return replace(located, problem=f"{located.problem}; its copy is refused: {damaged}")
        return self._at_copy(version, located)

    def _at_copy(self, version: Version, located: "_Located") -> "_Located":
        copy = self.copies.folder / version.digest
        return replace(located, folder=version.digest, watched=located.watched | {copy: stamps(copy)})


def _without_unadmitted_champion(versions: list[Version]) -> tuple[list[Version], str]:
    """The versions, without the champion's alias on one that was never admitted; and the problem of that one."""
    passed, problem = [], ""
    for version in versions:
        if CHAMPION in version.aliases and not (version.admitted or version.problem):
            version = replace(version, aliases=tuple(alias for alias in version.aliases if alias != CHAMPION))
            problem = f"version {version.number} was made {CHAMPION} without a verdict of the gate: {RUN_PROMOTE}"
        passed.append(version)
    return passed, problem


@dataclass(frozen=True)
class _Located:
    """Where the files of a version are, the problem of the registry's own, and when to look for them again."""

    folder: str | None
    problem: str = ""
    watched: dict[Path, Stamps] = field(default_factory=dict)
    retry_at: float = NEVER  # by time.monotonic

    @property
    def stale(self) -> bool:
        changed = any(stamps(folder) != before for folder, before in self.watched.items())
        return changed or time.monotonic() >= self.retry_at
