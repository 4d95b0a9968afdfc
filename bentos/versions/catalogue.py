"""The catalogue: which versions should be served, where their files are, and how calls are routed among them.

The follower writes one for the workers, and a bento has one baked in.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from registry.quality.published import LiveQuality
from registry.route import Routing
from registry.versions import Version

BAKED_CATALOGUE = "versions.json"  # in a bento, beside the folders that it names


@dataclass(frozen=True)
class Entry:
    """A version to serve and the folder of its artifact. `version.problem` says why there is no folder.

    `source_problem` says why the folder that the registry names cannot be loaded now; `folder` is a copy then.
    """

    version: Version
    folder: str | None = None
    source_problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"version": self.version.as_dict(), "folder": self.folder, "source_problem": self.source_problem}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Entry":
        """Also for the catalogue of a bento that was built before there was `source_problem`."""
        return cls(Version.from_dict(plain["version"]), plain["folder"], plain.get("source_problem", ""))


@dataclass(frozen=True)
class Catalogue:
    """The versions to serve, newest first, and the routing of calls among them.

    `champion_problem` says why the registry's champion is not to be one; no entry has the alias then. `quality` is what
    was last published of the versions; no version is loaded anew for it, so it makes no other catalogue.
    """

    entries: tuple[Entry, ...]
    routing: Routing = field(default_factory=Routing)
    champion_problem: str = ""
    quality: LiveQuality | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, Any]:
        return {
            "entries": [entry.as_dict() for entry in self.entries],
            "routing": asdict(self.routing),
            "champion_problem": self.champion_problem,
            "quality": self.quality and self.quality.model_dump(mode="json"),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Catalogue":
        """Also for one that was written before there was `champion_problem` or `quality`."""
        entries, quality = tuple(map(Entry.from_dict, plain["entries"])), plain.get("quality")
        routing, problem = Routing(**plain["routing"]), plain.get("champion_problem", "")
        return cls(entries, routing, problem, quality and LiveQuality.model_validate(quality))


def dumps(catalogue: Catalogue) -> str:
    return json.dumps(catalogue.as_dict(), indent=2)


def loads(text: str | bytes) -> Catalogue:
    return Catalogue.from_dict(json.loads(text))
