"""Routing: which alias answers the calls that name no version, by shares of traffic (canary), and the shadow.

It is one tag of the registered model, so that every service that follows the registry routes in the same way.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from registry.errors import RegistryError
from registry.events import record
from registry.lock import changing, check_unchanged
from registry.versions import CHAMPION, Registry

ROUTING = "routing"


@dataclass(frozen=True)
class Routing:
    """`shares` are percent of the calls by alias; the champion gets the rest. The version of `shadow` gets every call
    too, and answers none.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    shadow: str | None = None

    @classmethod
    def from_json(cls, text: str) -> "Routing":
        return cls(**json.loads(text))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def alias(self, caller_id: str) -> str:
        """The alias for a caller: the same one on every replica and after a restart, while the shares are the same."""
        if not self.shares:
            return CHAMPION
        place = int.from_bytes(hashlib.sha256(caller_id.encode()).digest()[:8]) / 2**64 * 100
        for alias, share in sorted(self.shares.items()):
            if place < share:
                return alias
            place -= share
        return CHAMPION


def read_routing(registry: Registry) -> Routing:
    """The current routing; everything to the champion where none was set."""
    return routing_in(registry.model_tags())


def routing_in(tags: Mapping[str, str]) -> Routing:
    """The routing in the registered model's tags."""
    return Routing.from_json(tags.get(ROUTING, "{}"))


def set_routing(
    registry: Registry, routing: Routing, before: Routing | None = None, what: str = "route", why: str | None = None
) -> None:
    """Make `routing` the current one, by an event `what`; `before` is the routing that the caller has read.

    Raises RegistryError, and changes nothing, when an alias or a share is wrong, or (ChangedMeanwhile) when the current
    routing is no longer `before`.
    """
    before = before or read_routing(registry)
    known = {alias for version in registry.versions() for alias in version.aliases}
    for alias in {*routing.shares, *([routing.shadow] if routing.shadow else [])} - known:
        raise RegistryError(f"no alias {alias!r}; there are: {', '.join(sorted(known)) or 'none'}")
    if any(not 0 <= share <= 100 for share in routing.shares.values()) or sum(routing.shares.values()) > 100:
        raise RegistryError(f"shares lie between 0 and 100 percent and sum to 100 at most: {dict(routing.shares)}")
    if CHAMPION in routing.shares:
        raise RegistryError(f"{CHAMPION} gets what the others leave: give only their shares")
    with changing(registry):
        check_unchanged(before, read_routing(registry))
        record(registry, what, asdict(before), asdict(routing), why)
        registry.tag_model(ROUTING, routing.to_json())
