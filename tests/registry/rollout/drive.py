"""Rollouts on a real registry and a page of metrics, by a clock of the test's own: each pause counts some calls."""

import io
import json
from collections.abc import Callable

import pytest

from bentos.monitoring.info import VersionLabels
from registry.events import history
from registry.rollout.control import STOP, Stopped
from registry.rollout.driver import Rollout
from registry.rollout.plan import Plan
from registry.rollout.progress import Progress
from registry.rollout.services import Services
from registry.rollout.state import ROLLOUT
from registry.route import read_routing
from registry.versions import Registry
from tests.registry.conftest import THRESHOLDS

PLAN = Plan("challenger", steps=(5.0, 50.0), hold=100.0, wait=100.0, calls=200, timeout=30.0)


class Drive:
    """Makes rollouts in this process, and counts calls during their pauses, by the routing that is in force.

    `happens` is called at each pause with its number, from 1, before the calls are counted.
    """

    def __init__(self, registry: Registry, page) -> None:
        self.registry, self.page = registry, page
        self.now, self.pauses = 1_000.0, 0
        self.flaw: dict[str, float] = {}  # of the candidate, as `MetricsPage.count` takes it
        self.load = 400  # calls in a pause
        self.happens: Callable[[int], None] = lambda pause: None
        self.printed = io.StringIO()
        self.quality = None

    def rollout(self, plan: Plan = PLAN) -> Rollout:
        services, progress = Services([self.page.url]), Progress(True, self.printed)
        return Rollout(self.registry, plan, services, THRESHOLDS, self.quality, progress, lambda: self.now, self.pause)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses += 1
        self.happens(self.pauses)
        share = read_routing(self.registry).shares.get("challenger", 0) / 100
        self.page.count("2", round(self.load * share), **self.flaw)
        self.page.count("1", round(self.load * (1 - share)))

    def lines(self, what: str) -> list[dict]:
        lines = [json.loads(line) for line in self.printed.getvalue().splitlines()]
        return [line for line in lines if line["what"] == what]

    def stops(self, match: str, shares: dict[str, float] | None = None, plan: Plan = PLAN) -> None:
        """The rollout stops for this reason, which is recorded; `shares` are those that stay."""
        with pytest.raises(Stopped, match=match) as stopped:
            self.rollout(plan).run()
        assert read_routing(self.registry).shares == (shares or {})
        event = history(self.registry)[-1]
        assert (event["what"], event["why"], event["after"]["shares"]) == (STOP, str(stopped.value), shares or {})
        assert ROLLOUT not in self.registry.model_tags()


def at(pause: int, do: Callable[[], object]) -> Callable[[int], None]:
    return lambda now: do() if now == pause else None


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def serve(registry: Registry, page) -> None:
    """Load what the registry has an alias for, as a service that follows it does."""
    page.serve([VersionLabels(v.number, alias, v.digest, "toy") for v in registry.versions() for alias in v.aliases])
