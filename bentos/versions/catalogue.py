"""The catalogue: which versions should be served, where their files are, and how calls are routed among them.

The follower writes one for the workers, and a bento has one baked in.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from registry.route import Routing
from registry.versions import Version

BAKED_CATALOGUE = "versions.json"  # in a bento, beside the folders that it names


@dataclass(frozen=True)
class Entry:
    """A version to serve and the folder of its artifact. `version.problem` says why there is no folder."""

    version: Version
    folder: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """The versions to serve, newest first, and the routing of calls among them."""

    entries: tuple[Entry, ...]
    routing: Routing = field(default_factory=Routing)

    def as_dict(self) -> dict[str, Any]:
        entries = [{"version": entry.version.as_dict(), "folder": entry.folder} for entry in self.entries]
        return {"entries": entries, "routing": asdict(self.routing)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Catalogue":
        entries = (Entry(Version.from_dict(entry["version"]), entry["folder"]) for entry in plain["entries"])
        return cls(tuple(entries), Routing(**plain["routing"]))


def dumps(catalogue: Catalogue) -> str:
    return json.dumps(catalogue.as_dict(), indent=2)


def loads(text: str | bytes) -> Catalogue:
    return Catalogue.from_dict(json.loads(text))
