"""Which versions should be served and how calls are routed: what the registry says, or what a bento was built with."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from registry import route
from registry.route import Routing
from registry.versions import Registry, RegistryError, Version

INDEX = "versions.json"  # a bento's catalogue, beside the folders that it names
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

    It keeps MLflow's client and the folders that it has located, so that asking again costs little.
    """

    def __init__(self, model_name: str, tracking_uri: str, policy: str = ALIASES) -> None:
        self.model_name = model_name
        self.tracking_uri = tracking_uri
        self.policy = policy
        self._registry: Registry | None = None
        self._folders: dict[str, str] = {}

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
        try:
            if version.key not in self._folders:
                self._folders[version.key] = str(self._registry.folder(version))
        except RegistryError as error:
            return entry(version, None, str(error))
        return entry(version, self._folders[version.key])


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
