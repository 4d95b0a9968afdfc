"""What the process that runs a rollout does to the registry, and only while the rollout is its own.

Every step and every stop is an event of the registry and a notification.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import NoReturn

from registry.errors import RegistryError, UnknownVersion
from registry.events import history, record
from registry.lock import ChangedMeanwhile, changing
from registry.notify import ROLLOUT_STEP, ROLLOUT_STOP, notify
from registry.output import routing_line
from registry.rollout.plan import Pair, Plan, with_share
from registry.rollout.state import (
    ROLLOUT,
    SIGN_EVERY,
    Runner,
    State,
    continued,
    number_of,
    read_state,
    state_in,
    write_state,
)
from registry.route import Routing, read_routing, routing_in, set_routing
from registry.versions import CHAMPION, Registry

STEP, STOP = "rollout step", "rollout stop"  # events
NOTIFICATIONS = {STEP: ROLLOUT_STEP, STOP: ROLLOUT_STOP}


class Stopped(Exception):
    """The rollout has stopped, and its alias has no share any more; the message says why."""


class TakenOver(RegistryError):
    """Another process runs or ended this rollout; nothing was changed."""


class Control:
    """A rollout in the registry, run by this process: `state` and `routing` are as it has left them.

    Another process takes over from one that does not sign for long. Then every method raises TakenOver and changes
    nothing; each raises RegistryError, too.
    """

    def __init__(self, registry: Registry, plan: Plan, check_start: Callable[[Pair, Routing], None]) -> None:
        """Continue the rollout that is under way, or begin one, which `check_start` must let by."""
        self.registry, self.alias = registry, plan.alias
        routing = read_routing(registry)
        if read_state(registry, routing) is None:
            check_start(Pair.of(registry, plan.alias), routing)
        with changing(registry):
            routing = read_routing(registry)
            state = read_state(registry, routing)
            self.continues = state is not None
            self.state = continued(state, plan.alias, plan.steps) if state else self._new(plan, routing)
            write_state(registry, self.state)
        self.routing = routing if state is None or routing == state.before else state.routing
        self.candidate, self.champion = number_of(self.state.candidate), number_of(self.state.champion)

    def _new(self, plan: Plan, routing: Routing) -> State:
        pair, now = Pair.of(self.registry, plan.alias), time.time()
        keys = pair.candidate.key, pair.champion.key
        return State(plan.alias, *keys, plan.steps, 0, now, now, routing, routing, Runner())

    def note_step(self, step: int, share: float) -> None:
        """Note that the candidate is about to get the share of this step: who continues has to know."""
        routing = with_share(self.routing, self.alias, share)
        if routing != self.state.routing or step != self.state.step:
            changed = replace(self.state, step=step, since=time.time(), before=self.routing, routing=routing)
            self._write(changed.signed())

    def give(self, share: float, why: str) -> None:
        """Give the candidate this share, in percent, where it has another. Raises Stopped where somebody changed it."""
        routing = with_share(self.routing, self.alias, share)
        if routing == self.routing:
            return
        try:
            set_routing(self.registry, routing, self.routing, STEP, why)
        except ChangedMeanwhile:
            self._check_own(self.registry.model_tags())
            self._raise_changed(read_routing(self.registry))
        self.routing = routing
        self._notify(STEP, why)

    def look(self) -> Pair:
        """The versions; also sign. Raises Stopped where aliases or routing are no longer the rollout's."""
        tags = self.registry.model_tags()
        self._check_own(tags)
        if (routing := routing_in(tags)) != self.routing:
            self._raise_changed(routing)
        pair = self._current_pair()
        if time.time() - self.state.runner.signed > SIGN_EVERY:
            self._write(self.state.signed())
        return pair

    def stop(self, why: str) -> None:
        """Take the share away, whatever else somebody has changed."""
        self._check_own(self.registry.model_tags())
        now = read_routing(self.registry)
        known = {alias for version in self.registry.versions() for alias in version.aliases}
        shares = {alias: share for alias, share in now.shares.items() if alias in known and alias != self.alias}
        after = Routing(shares, now.shadow if now.shadow in known else None)
        if after != now:
            set_routing(self.registry, after, now, STOP, why)
        else:
            record(self.registry, STOP, asdict(now), asdict(now), why)
        self.routing = after
        self.forget()
        self._notify(STOP, why)

    def forget(self) -> None:
        """Remove the state. Where that fails it is of no use to anybody either: its alias has no share."""
        with suppress(RegistryError):
            self.registry.untag_model(ROLLOUT)

    def release(self) -> None:
        """Note that this process ends, so that the next one need not wait."""
        self._write(replace(self.state, runner=None))

    def _write(self, state: State) -> None:
        """Keep the state, unless another process has taken over meanwhile."""
        with changing(self.registry):
            self._check_own(self.registry.model_tags())
            write_state(self.registry, state)
        self.state = state

    def _check_own(self, tags: dict[str, str]) -> None:
        state = state_in(tags)
        if state is None or state.runner is None or state.runner.token != self.state.runner.token:
            raise TakenOver("another process runs or has ended this rollout: nothing was changed")

    def _current_pair(self) -> Pair:
        """The versions, which must still be those that the rollout began with."""
        try:
            pair = Pair.of(self.registry, self.alias)
        except UnknownVersion as error:
            raise Stopped(str(error)) from error
        for name, version, key in (
            (self.alias, pair.candidate, self.state.candidate),
            (CHAMPION, pair.champion, self.state.champion),
        ):
            if version.key != key:
                raise Stopped(f"{name} is version {version.number} now, and was {number_of(key)}")
        return pair

    def _raise_changed(self, routing: Routing) -> NoReturn:
        by = next((event["by"] for event in reversed(history(self.registry)) if event["what"] == "route"), "somebody")
        raise Stopped(f"{by} changed the routing to {routing_line(routing)}")

    def _notify(self, event: str, why: str) -> None:
        """Tell of a step or a stop that was made."""
        versions, share = {"version": self.candidate, "champion": self.champion}, self.routing.shares.get(self.alias, 0)
        notify(NOTIFICATIONS[event], {"alias": self.alias, **versions, "share": share, "why": why})
