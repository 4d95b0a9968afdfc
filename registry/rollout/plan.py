"""What a rollout is to do, and what must be so before it begins."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from registry.errors import RegistryError, UnknownVersion
from registry.gate import Thresholds
from registry.promote import verdict_today
from registry.rollout.checks import Judged, Levels, Limits, levels
from registry.rollout.services import Look, Served
from registry.route import Routing
from registry.versions import CHAMPION, Registry, Version

LOOK_EVERY = 15.0  # seconds, at most
LOOKS = 10  # in a hold, at least

# What persons labelled of each version's answers since then, by version number. Raises RegistryError.
LiveQuality = Callable[[datetime], Mapping[str, Judged]]


@dataclass(frozen=True)
class Plan:
    """`steps` are percent of the calls. Each is held for `hold` seconds and until both versions have had `calls` calls,
    for which it waits `wait` seconds more at most. Nothing is known of a version for `timeout` seconds at most.
    """

    alias: str
    steps: tuple[float, ...]
    hold: float
    wait: float
    calls: int
    timeout: float
    limits: Limits = field(default_factory=Limits)

    @property
    def look_every(self) -> float:
        """Seconds between two looks."""
        return min(LOOK_EVERY, self.hold / LOOKS)

    @property
    def levels(self) -> Levels:
        return levels(len(self.steps), math.ceil((self.hold + self.wait) / self.look_every))


@dataclass(frozen=True)
class Pair:
    """The versions that are compared."""

    candidate: Version
    champion: Version

    @classmethod
    def of(cls, registry: Registry, alias: str) -> "Pair":
        """Raises UnknownVersion, also where `alias` is a number, and RegistryError."""
        versions = registry.versions()
        by_alias = {alias: version for version in versions for alias in version.aliases}
        for name in (alias, CHAMPION):
            if name not in by_alias:
                known = ", ".join(sorted(by_alias)) or "none"
                raise UnknownVersion(f"no alias {name!r} of {registry.model_name}; there are: {known}")
        return cls(by_alias[alias], by_alias[CHAMPION])


def with_share(routing: Routing, alias: str, share: float) -> Routing:
    """The routing with this share, in percent; without one where it is 0."""
    shares = {**routing.shares, alias: share}
    return Routing({name: percent for name, percent in shares.items() if percent}, routing.shadow)


def unloaded(look: Look, pair: Pair, alias: str) -> Iterator[str]:
    """What the services that could be read have not loaded, or not with the registry's content."""
    wanted = ((alias, pair.candidate), (CHAMPION, pair.champion))
    for url, served in look.served.items():
        for name, version in wanted:
            if Served(version.number, name, version.digest) not in served:
                yield f"{url} does not serve version {version.number} as {name}: its log and /versions say why"


def start_problems(
    registry: Registry,
    plan: Plan,
    pair: Pair,
    routing: Routing,
    look: Look,
    thresholds: Thresholds,
    quality: LiveQuality | None,
) -> Iterator[str]:
    """Why a rollout cannot begin."""
    if pair.candidate.key == pair.champion.key:
        yield f"{plan.alias} is the {CHAMPION} already"
        return
    if (share := routing.shares.get(plan.alias, 0)) > plan.steps[0]:
        yield f"{plan.alias} has {share:g}% of the calls, more than the first step"
    others = sum(percent for name, percent in routing.shares.items() if name != plan.alias)
    if others + plan.steps[-1] > 100:
        yield f"other aliases have {others:g}% of the calls, so {plan.alias} cannot have {plan.steps[-1]:g}%"
    yield from (f"{url} {problem}" for url, problem in look.problems.items())
    yield from unloaded(look, pair, plan.alias)
    verdict = verdict_today(registry, pair.candidate, thresholds)
    if not verdict.passed:
        failed = ", ".join(check.name for check in verdict.checks if not check.passed)
        number = pair.candidate.number
        yield f"the gate would refuse version {number} at the end: {failed}; `python -m registry promote {number}`"
    try:
        if quality:
            quality(datetime.now(UTC))
    except RegistryError as error:
        yield f"live quality: {error}; `--no-quality` goes without"


def check(problems: Iterator[str]) -> None:
    """Raises RegistryError for the first problem."""
    if reason := next(problems, None):
        raise RegistryError(reason)
