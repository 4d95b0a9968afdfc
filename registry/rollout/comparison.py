"""The candidate beside the champion: what was counted of both, and what speaks against the candidate."""

from registry.rollout import checks
from registry.rollout.checks import Limits
from registry.rollout.figures import figures_of
from registry.rollout.services import Counts, added


class Comparison:
    """Adds up what is counted of two versions, by their numbers, in a step and since the services were started.

    `at_start` is what was counted before the first look. A version needs `calls` calls in a step.
    """

    def __init__(self, candidate: str, champion: str, limits: Limits, calls: int, at_start: Counts) -> None:
        self.numbers = candidate, champion
        self.limits, self.calls = limits, calls
        self._total = at_start
        self._before = figures_of(at_start, champion)
        self.begin_step()

    def begin_step(self) -> None:
        self._step: Counts = {}
        self._update()

    def add(self, counts: Counts) -> None:
        """Add what was counted since the last look."""
        self._step, self._total = added((self._step, counts)), added((self._total, counts))
        self._update()

    def _update(self) -> None:
        """`earlier`: the champion has too few calls in this step, and those before count, too."""
        self.candidate, self.champion = (figures_of(self._step, number) for number in self.numbers)
        self.earlier = self.champion.calls < self.calls
        if self.earlier:
            self.champion = figures_of(self._total, self.numbers[1])

    def too_few(self) -> str:
        """Which version has too few calls; empty where both have enough."""
        for name, figures in (("the candidate", self.candidate), ("the champion", self.champion)):
            if figures.calls < self.calls:
                return f"{name} has {figures.calls} of {self.calls} calls"
        return ""

    def problems(self, level: float) -> tuple[list[str], str]:
        """What speaks against the candidate, and a shift of labels that does not, since it is the callers'.

        `level` is the significance of each test.
        """
        limits, pair = self.limits, (self.candidate, self.champion)
        found = [
            *checks.too_many_errors(*pair, level),
            *checks.too_slow(*pair, limits.latency, level),
            *checks.too_slow(self.candidate, self._before, checks.BEFORE * limits.latency, level),
        ]
        shifted = next(checks.labels_shifted(*pair, limits.labels, level), "")
        if not shifted:
            return found, ""
        if checks.explained_by_callers(self._total, *self.numbers, limits.labels, level):
            return found, f"{shifted}; its callers differ: as the shadow it agrees with the champion"
        return [*found, shifted], ""
