"""Takes a version from a small share of the calls to champion, and back to none when something is wrong with it.

Every step and every stop is an event of the registry and a notification: `Rollout._route` and `Rollout._try_stop`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import NoReturn

from registry.events import history, record
from registry.gate import Thresholds
from registry.lock import ChangedMeanwhile, changing
from registry.notify import ROLLOUT_STEP, ROLLOUT_STOP, notify
from registry.output import routing_line
from registry.promote import Refused, promote
from registry.rollout import checks
from registry.rollout.comparison import Comparison
from registry.rollout.plan import LiveQuality, Pair, Plan, check, start_problems, unloaded, with_share
from registry.rollout.progress import Progress
from registry.rollout.services import Services
from registry.rollout.state import (
    ROLLOUT,
    SIGN_EVERY,
    Runner,
    State,
    continued,
    number_of,
    read_state,
    runner_of,
    write_state,
)
from registry.route import Routing, read_routing, set_routing
from registry.versions import CHAMPION, Registry, RegistryError, UnknownVersion

STEP, STOP = "rollout step", "rollout stop"  # events
NOTIFICATIONS = {STEP: ROLLOUT_STEP, STOP: ROLLOUT_STOP}
NOT_JUDGED = checks.Judged(0, 0, 0, 0)
STOP_TRIES = 240  # looks for as long as the registry cannot be written to


class Stopped(Exception):
    """The rollout has stopped, and its alias has no share any more; the message says why."""


class TakenOver(RegistryError):
    """Another process runs or ended this rollout; nothing was changed."""


class Rollout:
    """One rollout, run by this process. `clock` and `pause` are those of `time`, in seconds."""

    def __init__(
        self,
        registry: Registry,
        plan: Plan,
        services: Services,
        thresholds: Thresholds,
        quality: LiveQuality | None,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.registry, self.plan, self.services, self.thresholds = registry, plan, services, thresholds
        self.quality, self.progress, self.clock, self.pause = quality, progress, clock, pause

    def run(self) -> None:
        """Raises Stopped; RegistryError where it cannot begin, and TakenOver: then no share was changed."""
        self._begin()
        try:
            self._go_through()
        except KeyboardInterrupt:
            with suppress(RegistryError):  # it says only that the next process need not wait
                write_state(self.registry, replace(self.state, runner=None))
            raise

    def _go_through(self) -> None:
        try:
            for step in range(self.state.step, len(self.plan.steps)):
                self._set_share(step)
                self._hold()
            self._promote()
        except TakenOver:
            raise
        except (Stopped, RegistryError) as error:
            self._stop(str(error))
            raise Stopped(str(error)) from error
        except Exception as error:  # of any other kind, too: nobody would watch the share any more
            why = f"an error of the rollout itself: {error!r}"
            self._stop(why)
            raise Stopped(why) from error

    def _begin(self) -> None:
        """Continue the rollout that is under way, or begin one."""
        first = self.services.look()
        self.last_good = self.clock()
        routing = read_routing(self.registry)
        if read_state(self.registry, routing) is None:
            pair = Pair.of(self.registry, self.plan.alias)
            check(start_problems(self.registry, self.plan, pair, routing, first, self.thresholds, self.quality))
        with changing(self.registry):
            routing = read_routing(self.registry)
            state = read_state(self.registry, routing)
            self.state = continued(state, self.plan.alias, self.plan.steps) if state else self._new(routing)
            write_state(self.registry, self.state)
        self.routing = routing if state is None or routing == state.before else state.routing
        self.numbers = number_of(self.state.candidate), number_of(self.state.champion)
        self.comparison = Comparison(*self.numbers, self.plan.limits, self.plan.calls, first.counts)
        if state:
            self.progress.note(f"continues at {self.plan.steps[state.step]:g}%, whose hold begins again")

    def _new(self, routing: Routing) -> State:
        pair, now = Pair.of(self.registry, self.plan.alias), time.time()
        keys = pair.candidate.key, pair.champion.key
        return State(self.plan.alias, *keys, self.plan.steps, 0, now, now, routing, routing, Runner())

    def _set_share(self, step: int) -> None:
        """Give the candidate the share of this step."""
        share = self.plan.steps[step]
        routing = with_share(self.routing, self.plan.alias, share)
        if routing != self.state.routing or step != self.state.step:
            self.state = replace(
                self.state, step=step, since=time.time(), before=self.routing, routing=routing
            ).signed()
            self._patiently(lambda: write_state(self.registry, self.state))
        self.progress.step(step, self.plan)
        if routing != self.routing:
            self._route(routing, f"step {step + 1} of {len(self.plan.steps)}")

    def _route(self, routing: Routing, why: str) -> None:
        try:
            self._patiently(lambda: set_routing(self.registry, routing, self.routing, STEP, why))
        except ChangedMeanwhile:
            self._raise_changed(read_routing(self.registry))
        self.routing = routing
        self._notify(STEP, why)

    def _patiently(self, change: Callable[[], None]) -> None:
        """Try again for as long as the registry may be away. Raises Stopped, ChangedMeanwhile."""
        while True:
            try:
                return change()
            except ChangedMeanwhile:
                raise
            except RegistryError as error:
                self._tolerate(str(error))
                self.pause(self.plan.look_every)

    def _tolerate(self, problem: str) -> None:
        """Say the problem. Raises Stopped where there has been one for too long."""
        if (lost := self.clock() - self.last_good) > self.plan.timeout:
            raise Stopped(f"for {lost:.0f} s it cannot be seen how the versions do: {problem}")
        self.progress.note(problem)

    def _hold(self) -> None:
        """Look until the step has been held for long enough and nothing is wrong. Raises Stopped."""
        began, levels, comparison = self.clock(), self.plan.levels, self.comparison
        comparison.begin_step()
        while True:
            self.pause(self.plan.look_every)
            problem = self._look()
            held = self.clock() - began
            self.progress.look(held, comparison)
            self._judge(levels.during)
            if held < self.plan.hold or problem:
                continue
            self._judge(levels.at_end)
            waits_for = comparison.too_few() or self._judge_quality(levels.at_end)
            if not waits_for:
                return
            if held > self.plan.hold + self.plan.wait:
                raise Stopped(f"{waits_for}, after {self.plan.wait:.0f} s more than its hold")
            self.progress.note(f"waits: {waits_for}")

    def _look(self) -> str:
        """Count, and return what could not be seen; empty where all could. Raises Stopped, TakenOver."""
        look = self.services.look()
        self.comparison.add(look.counts)
        problems = [f"{url} {why}" for url, why in look.problems.items()]
        try:
            pair = self._look_at_registry()
            problems += unloaded(look, pair, self.plan.alias)
        except TakenOver:
            raise
        except RegistryError as error:
            problems.append(str(error))
        if problems:
            self._tolerate(problems[0])
        else:
            self.last_good = self.clock()
        return next(iter(problems), "")

    def _look_at_registry(self) -> Pair:
        """Raises Stopped where aliases or routing are no longer this rollout's, TakenOver, RegistryError."""
        self._check_own()
        routing = read_routing(self.registry)
        if routing != self.routing:
            self._raise_changed(routing)
        pair = self._current_pair()
        if time.time() - self.state.runner.signed > SIGN_EVERY:
            self.state = self.state.signed()
            write_state(self.registry, self.state)
        return pair

    def _check_own(self) -> None:
        """Raises TakenOver where another process has taken this rollout over, or ended it, while this one was away."""
        runner = runner_of(self.registry)
        if runner is None or runner.token != self.state.runner.token:
            raise TakenOver("another process runs or has ended this rollout: nothing was changed")

    def _current_pair(self) -> Pair:
        """The versions, which must still be those that the rollout began with."""
        try:
            pair = Pair.of(self.registry, self.plan.alias)
        except UnknownVersion as error:
            raise Stopped(str(error)) from error
        for name, version, key in (
            (self.plan.alias, pair.candidate, self.state.candidate),
            (CHAMPION, pair.champion, self.state.champion),
        ):
            if version.key != key:
                raise Stopped(f"{name} is version {version.number} now, and was {number_of(key)}")
        return pair

    def _raise_changed(self, routing: Routing) -> NoReturn:
        by = next((event["by"] for event in reversed(history(self.registry)) if event["what"] == "route"), "somebody")
        raise Stopped(f"{by} changed the routing to {routing_line(routing)}")

    def _judge(self, level: float) -> None:
        """Raises Stopped for the first thing that is wrong."""
        problems, explained = self.comparison.problems(level)
        if problems:
            raise Stopped(problems[0])
        if explained:
            self.progress.note(explained)

    def _judge_quality(self, level: float) -> str:
        """Why the live quality cannot be read; empty when it is not worse than the champion's. Raises Stopped."""
        if self.quality is None:
            return ""
        try:
            judged = self.quality(datetime.fromtimestamp(self.state.started, UTC))
        except RegistryError as error:
            return f"live quality: {error}"
        candidate, champion = (judged.get(number, NOT_JUDGED) for number in self.numbers)
        for problem in checks.quality_problems(candidate, champion, level):
            raise Stopped(problem)
        return ""

    def _promote(self) -> None:
        """Make the candidate champion, if the gate lets it. Raises Stopped.

        The share ends first: the alias moves to the beaten champion, which would get the calls.
        """
        self._look()
        self._route(with_share(self.routing, self.plan.alias, 0), "every step passed: the gate decides")
        try:
            promote(self.registry, self.numbers[0], self.thresholds)
        except Refused as refused:
            raise Stopped(str(refused)) from refused
        self._forget()
        self.progress.promoted(self.numbers[0])

    def _stop(self, why: str) -> None:
        """Take the share away, whatever else somebody has changed. Raises RegistryError when that fails for long."""
        for _ in range(STOP_TRIES):
            try:
                return self._try_stop(why)
            except TakenOver:
                raise
            except RegistryError as error:
                problem = str(error)
                self.progress.note(f"stops, and cannot yet: {problem}")
                self.pause(self.plan.look_every)
        raise RegistryError(f"the rollout has to stop ({why}), but {self.plan.alias} may keep its share: {problem}")

    def _try_stop(self, why: str) -> None:
        self._check_own()
        now = read_routing(self.registry)
        known = {alias for version in self.registry.versions() for alias in version.aliases}
        shares = {alias: share for alias, share in now.shares.items() if alias in known and alias != self.plan.alias}
        after = Routing(shares, now.shadow if now.shadow in known else None)
        if after != now:
            set_routing(self.registry, after, now, STOP, why)
        else:
            record(self.registry, STOP, asdict(now), asdict(now), why)
        self.routing = after
        self._forget()
        self._notify(STOP, why)

    def _forget(self) -> None:
        """Remove the state. Where that fails it is of no use to anybody either: its alias has no share."""
        with suppress(RegistryError):
            self.registry.untag_model(ROLLOUT)

    def _notify(self, event: str, why: str) -> None:
        """Tell of a step or a stop that was made."""
        versions = dict(zip(("version", "champion"), self.numbers, strict=True))
        share = self.routing.shares.get(self.plan.alias, 0)
        notify(NOTIFICATIONS[event], {"alias": self.plan.alias, **versions, "share": share, "why": why})
