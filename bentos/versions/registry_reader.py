"""Reads the catalogue from the MLflow registry, for the follower and for `python -m bentos build`."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.selection import ALIASES, select, unknown
from registry.route import Routing, read_routing
from registry.versions import Registry, RegistryError, Version

RETRY_DOWNLOAD = 60.0  # seconds before a download that was damaged is tried again


class CatalogueError(Exception):
    """The registry gives no catalogue; the message says why and what to do."""


class RegistryReader:
    """Reads which versions the registry has and selects those that `policy` (SERVED_VERSIONS) asks for.

    It keeps MLflow's client and the folders that it has located, so that reading again is cheap. A folder below
    `downloads` was copied from a remote store: its digest is checked, since a copy can be damaged.
    """

    def __init__(
        self, model_name: str, tracking_uri: str, policy: str = ALIASES, downloads: Path | None = None
    ) -> None:
        self.model_name = model_name
        self.tracking_uri = tracking_uri
        self.policy = policy
        self.downloads = downloads
        self._registry: Registry | None = None
        self._folders: dict[str, str] = {}  # by the version's key
        self._damaged: dict[str, tuple[float, str]] = {}  # when to try again, and the problem, by the version's key

    @property
    def database(self) -> Path | None:
        """The registry's SQLite file; None for another kind of registry."""
        path = self.tracking_uri.removeprefix("sqlite:///")
        return Path(path) if path != self.tracking_uri else None

    def catalogue(self) -> Catalogue:
        """The registry's state now. Raises CatalogueError, also where no version is to be served."""
        if self.database:
            self._check_database(self.database)
        try:
            registry = self._registry = self._registry or Registry(self.model_name, self.tracking_uri)
            versions = [version for version in registry.everything() if version.aliases or not version.problem]
            routing = read_routing(registry) if versions else Routing()
            entries = [self._entry(version) for version in select(versions, self.policy)]
        except (RegistryError, ImportError) as error:
            raise CatalogueError(f"the model registry cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise CatalogueError(f"the model registry holds tags of another program: {error!r}") from error
        if not entries:
            raise CatalogueError(f"no version of {self.model_name} is promoted: run `python -m registry promote REF`")
        self._folders = {entry.version.key: entry.folder for entry in entries if entry.folder}
        return Catalogue((*entries, *map(Entry, unknown(versions, self.policy))), routing)

    def _check_database(self, path: Path) -> None:
        """Refuse a file that is missing or still empty.

        MLflow would create its tables in it, and collide with the command that does so at this moment.
        """
        if not path.exists():
            raise CatalogueError(f"there is no model registry at {self.tracking_uri} yet: run `make up`")
        if self._registry is None and not self._has_model(path):
            raise CatalogueError(f"{self.tracking_uri} has no model {self.model_name} yet: run `make up`")

    def _has_model(self, path: Path) -> bool:
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
                if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'registered_models'").fetchone():
                    return False
                return bool(db.execute("SELECT 1 FROM registered_models WHERE name = ?", [self.model_name]).fetchone())
        except sqlite3.Error as error:
            raise CatalogueError(f"the model registry cannot be read: {self.tracking_uri}: {error}") from error

    def _entry(self, version: Version) -> Entry:
        """The version with its folder, or with the problem that it has none."""
        if version.problem:
            return Entry(version)
        folder = self._folders.get(version.key)
        if folder and has_files(folder):
            return Entry(version, folder)
        retry_at, problem = self._damaged.get(version.key, (0.0, ""))
        if time.monotonic() < retry_at:
            return Entry(replace(version, problem=problem))
        try:
            located = self._registry.folder(version)
        except RegistryError as error:
            return Entry(replace(version, problem=str(error)))
        if self.downloads and located.is_relative_to(self.downloads) and (problem := _damage(located, version.digest)):
            self._damaged[version.key] = time.monotonic() + RETRY_DOWNLOAD, problem
            return Entry(replace(version, problem=problem))
        self._folders[version.key] = str(located)  # now, not at the end: the next version may run into the time limit
        return Entry(version, str(located))


def has_files(folder: str) -> bool:
    """Whether the artifact's files still exist. It costs two file system look-ups."""
    return all((Path(folder) / name).exists() for name in ("metadata.json", "model.onnx"))


def _damage(download: Path, digest: str) -> str:
    """Why a download cannot be served; empty when it can. The words do not change from one download to the next."""
    from registry.model.artifact import Artifact, ArtifactError  # imports onnxruntime: only where files are downloaded

    try:
        loaded = Artifact.load(download).digest
    except ArtifactError as error:
        return str(error).replace(str(download), "its download")
    return "" if loaded == digest else f"its download: the digest is {loaded}, the registry says {digest}"
