"""Which versions should be served and how calls are routed: what the registry says, or what a bento was built with."""

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from registry import route
from registry.route import Routing
from registry.versions import Registry, RegistryError, Version

INDEX = "versions.json"  # a bento's catalogue, beside the folders that it names
AGAIN = 60.0  # seconds before a download that came broken is tried once more
ALIASES, ALL, LATEST = "aliases", "all", "latest:"  # policies; any other is a list of numbers and aliases


class CatalogueError(Exception):
    """There is no catalogue; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """A version to serve, with its folder or the reason why it has none."""

    number: str
    key: str
    aliases: tuple[str, ...]
    digest: str
    variant: str
    created_at: str
    metrics: dict[str, float]
    folder: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The versions to serve, newest first, and the routing of calls among them."""

    entries: tuple[Entry, ...]
    routing: Routing = field(default_factory=Routing)

    def as_dict(self) -> dict[str, Any]:
        return {"entries": [asdict(entry) for entry in self.entries], "routing": asdict(self.routing)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Catalogue":
        entries = (Entry(**{**row, "aliases": tuple(row["aliases"])}) for row in plain["entries"])
        return cls(tuple(entries), Routing(**plain["routing"]))


def dumps(catalogue: Catalogue) -> str:
    return json.dumps(catalogue.as_dict(), indent=2)


def loads(text: str | bytes) -> Catalogue:
    return Catalogue.from_dict(json.loads(text))


class Source:
    """The catalogue of a registry: the versions that `policy` (the setting SERVED_VERSIONS) selects.

    It keeps MLflow's client and the folders that it has located, so that asking again costs little. A version whose
    folder lies in `downloads` is checked first: a download may break where what it was made from is whole.
    """

    def __init__(
        self, model_name: str, tracking_uri: str, policy: str = ALIASES, downloads: Path | None = None
    ) -> None:
        self.model_name = model_name
        self.tracking_uri = tracking_uri
        self.policy = policy
        self.downloads = downloads
        self._registry: Registry | None = None
        self._folders: dict[str, str] = {}
        self._broken: dict[str, tuple[float, str]] = {}  # until when, and why, by the version's key

    @property
    def database(self) -> Path | None:
        """The registry's file, where it is one."""
        path = self.tracking_uri.removeprefix("sqlite:///")
        return Path(path) if path != self.tracking_uri else None

    def catalogue(self) -> Catalogue:
        """What the registry says now. Raises CatalogueError, also when it has no version to serve."""
        if self.database:
            self._check_database(self.database)
        try:
            registry = self._registry = self._registry or Registry(self.model_name, self.tracking_uri)
            versions = [version for version in registry.everything() if version.aliases or not version.why]
            routing = route.read(registry) if versions else Routing()
            entries = [self._located(version) for version in selected(versions, self.policy)]
        except (RegistryError, ImportError) as error:
            raise CatalogueError(f"the model registry cannot be read: {error}") from error
        except (ValueError, TypeError) as error:
            raise CatalogueError(f"the model registry holds tags that were not written here: {error!r}") from error
        if not entries:
            raise CatalogueError(f"no version of {self.model_name} is promoted: run `python -m registry promote REF`")
        self._folders = {entry.key: entry.folder for entry in entries if entry.folder}
        return Catalogue((*entries, *missing(versions, self.policy)), routing)

    def _check_database(self, path: Path) -> None:
        """Leave alone what is not there or not filled yet: MLflow would fill it, at odds with whoever does so now."""
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

    def _located(self, version: Version) -> Entry:
        if version.why:
            return entry(version, None, version.why)
        folder = self._folders.get(version.key)
        if folder and whole(folder):
            return entry(version, folder)
        until, why = self._broken.get(version.key, (0.0, ""))
        if time.monotonic() < until:
            return entry(version, None, why)
        try:
            found = self._registry.folder(version)
        except RegistryError as error:
            return entry(version, None, str(error))
        if self.downloads and found.is_relative_to(self.downloads) and (why := _why_broken(found, version.digest)):
            self._broken[version.key] = time.monotonic() + AGAIN, why
            return entry(version, None, why)
        self._folders[version.key] = str(found)  # at once: what comes after it may take too long
        return entry(version, str(found))


def _why_broken(download: Path, digest: str) -> str:
    """Why a download cannot be served, in words that are the same for the next one; empty when it can."""
    from registry.model.artifact import (  # onnxruntime's memory, only where something is downloaded
        Artifact,
        ArtifactError,
    )

    try:
        found = Artifact.load(download).digest
    except ArtifactError as error:
        return str(error).replace(str(download), "its download")
    return "" if found == digest else f"its download: the digest is {found}, the registry says {digest}"


def whole(folder: str) -> bool:
    """Whether its files are there still, for what two looks cost."""
    return all((Path(folder) / name).exists() for name in ("metadata.json", "model.onnx"))


def entry(version: Version, folder: str | None, why: str = "") -> Entry:
    created_at = version.created_at.isoformat(timespec="seconds")
    facts = (version.number, version.key, version.aliases, version.digest, version.variant, created_at, version.metrics)
    return Entry(*facts, folder, why)


def selected(versions: list[Version], policy: str) -> list[Version]:
    """Those of `versions`, newest first, that are served. `latest:N` adds the newest to those that have an alias."""
    if policy == ALL:
        return versions
    if policy == ALIASES or policy.startswith(LATEST):
        newest = int(policy.removeprefix(LATEST)) if policy != ALIASES else 0
        return [version for i, version in enumerate(versions) if i < newest or version.aliases]
    refs = listed(policy)
    return [version for version in versions if not refs.isdisjoint({version.number, *version.aliases})]


def missing(versions: list[Version], policy: str) -> list[Entry]:
    """Stand-ins for what a list names and the registry lacks: they are refused, so that somebody notices."""
    if policy in (ALIASES, ALL) or policy.startswith(LATEST):
        return []
    known = {ref for version in versions for ref in (version.number, *version.aliases)}
    why = "SERVED_VERSIONS names it, and the registry has no such version or alias"
    return [Entry(ref, ref, (), "", "", "", {}, None, why) for ref in sorted(listed(policy) - known)]


def listed(policy: str) -> set[str]:
    return {ref.strip() for ref in policy.split(",")} - {""}
