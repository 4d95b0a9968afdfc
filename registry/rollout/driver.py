"""Takes a version from a small share of the calls to champion, and back to none when something is wrong with it."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from registry.errors import RegistryError
from registry.gate import Thresholds
from registry.lock import ChangedMeanwhile
from registry.promote import Refused, promote
from registry.rollout import checks
from registry.rollout.comparison import Comparison
from registry.rollout.control import Control, Stopped, TakenOver
from registry.rollout.plan import LiveQuality, Plan, check, start_problems, unloaded
from registry.rollout.progress import Progress
from registry.rollout.services import Services
from registry.versions import Registry

NOT_JUDGED = checks.Judged(0, 0, 0, 0)
STOP_TRIES = 240  # looks for as long as the registry cannot be written to


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
            with suppress(RegistryError):  # of the routing, nothing changes
                self.control.release()
            raise

    def _go_through(self) -> None:
        steps = self.plan.steps
        try:
            for step in range(self.control.state.step, len(steps)):
                self._patiently(self.control.note_step, step, steps[step])
                self.progress.step(step, self.plan)
                self._patiently(self.control.give, steps[step], f"step {step + 1} of {len(steps)}")
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
        self.control = Control(
            self.registry,
            self.plan,
            lambda pair, routing: check(
                start_problems(self.registry, self.plan, pair, routing, first, self.thresholds, self.quality)
            ),
        )
        numbers = self.control.candidate, self.control.champion
        self.comparison = Comparison(*numbers, self.plan.limits, self.plan.calls, first.counts)
        if self.control.continues:
            share = self.plan.steps[self.control.state.step]
            self.progress.note(f"continues at {share:g}%, whose hold begins again")

    def _patiently(self, change: Callable[..., None], *arguments: object) -> None:
        """Try again for as long as the registry may be away. Raises Stopped, ChangedMeanwhile, TakenOver."""
        while True:
            try:
                return change(*arguments)
            except (ChangedMeanwhile, TakenOver):
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
            pair = self.control.look()
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
            judged = self.quality(datetime.fromtimestamp(self.control.state.started, UTC))
        except RegistryError as error:
            return f"live quality: {error}"
        candidate, champion = (judged.get(number, NOT_JUDGED) for number in self.comparison.numbers)
        for problem in checks.quality_problems(candidate, champion, level):
            raise Stopped(problem)
        return ""

    def _promote(self) -> None:
        """Make the candidate champion, if the gate lets it. Raises Stopped.

        The share ends first: the alias moves to the beaten champion, which would get the calls.
        """
        self._look()
        self._patiently(self.control.give, 0, "every step passed: the gate decides")
        try:
            promote(self.registry, self.control.candidate, self.thresholds)
        except Refused as refused:
            raise Stopped(str(refused)) from refused
        self.control.forget()
        self.progress.promoted(self.control.candidate)

    def _stop(self, why: str) -> None:
        """Take the share away. Raises TakenOver, and RegistryError when that fails for long."""
        for _ in range(STOP_TRIES):
            try:
                return self.control.stop(why)
            except TakenOver:
                raise
            except RegistryError as error:
                problem = str(error)
                self.progress.note(f"stops, and cannot yet: {problem}")
                self.pause(self.plan.look_every)
        raise RegistryError(f"the rollout has to stop ({why}), but {self.plan.alias} may keep its share: {problem}")
