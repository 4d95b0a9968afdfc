"""Which alias answers the calls that name no version: shares of traffic, and a version that only listens.

Kept as one tag on the registered model, so that every service that follows the registry routes alike.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from registry.events import record
from registry.versions import CHAMPION, Registry, RegistryError

ROUTING = "routing"


@dataclass(frozen=True)
class Routing:
    """`shares` are percent of the calls by alias, the rest goes to the champion; `shadow` hears every call besides."""

    shares: Mapping[str, float] = field(default_factory=dict)
    shadow: str | None = None

    def alias(self, caller_id: str) -> str:
        """The alias for a caller: always the same one for the same shares, on every replica and after a restart."""
        if not self.shares:
            return CHAMPION
        place = int.from_bytes(hashlib.sha256(caller_id.encode()).digest()[:8]) / 2**64 * 100
        for alias, share in sorted(self.shares.items()):
            if place < share:
                return alias
            place -= share
        return CHAMPION


def read_routing(registry: Registry) -> Routing:
    """The routing in force; everything to the champion where none was set."""
    return loads(registry.model_tags().get(ROUTING, "{}"))


def loads(text: str) -> Routing:
    return Routing(**json.loads(text))


def dumps(routing: Routing) -> str:
    return json.dumps(asdict(routing))


def set_routing(registry: Registry, routing: Routing) -> None:
    """Put `routing` in force. Raises RegistryError, changing nothing, when it names no alias or more than 100 %."""
    known = {alias for version in registry.versions() for alias in version.aliases}
    for alias in {*routing.shares, *([routing.shadow] if routing.shadow else [])} - known:
        raise RegistryError(f"no alias {alias!r}; there are: {', '.join(sorted(known)) or 'none'}")
    if any(not 0 <= share <= 100 for share in routing.shares.values()) or sum(routing.shares.values()) > 100:
        raise RegistryError(f"shares lie between 0 and 100 percent and sum to 100 at most: {dict(routing.shares)}")
    if CHAMPION in routing.shares:
        raise RegistryError(f"{CHAMPION} gets what the others leave: give their shares alone")
    before = read_routing(registry)
    record(registry, "route", asdict(before), asdict(routing))
    registry.tag_model(ROUTING, dumps(routing))
