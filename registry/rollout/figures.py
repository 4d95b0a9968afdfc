"""What was counted of one version: calls, errors, times and labels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.rollout.services import ERRORS, LABELS, SECONDS, TEXTS, Counts


@dataclass(frozen=True)
class Figures:
    """`answered` calls and `errors` are together the calls. `buckets` has, for each bound in seconds, the answered
    calls that took so long at most, and ends with infinity. `labels` counts texts, of which a call may have many.
    """

    answered: int
    errors: int
    buckets: tuple[tuple[float, int], ...]
    labels: Mapping[str, int]
    from_cache: float  # share of the texts

    @property
    def calls(self) -> int:
        return self.answered + self.errors

    @property
    def texts(self) -> int:
        return sum(self.labels.values())

    def quantile(self, q: float) -> float | None:
        """Seconds that a share `q` of the answered calls took at most, interpolated within its bucket.

        None without calls, and for one beyond the last bound.
        """
        rank, lower, below = q * self.answered, 0.0, 0
        for bound, calls in self.buckets:
            if calls >= rank and calls > below:
                if math.isinf(bound):
                    return None
                return lower + (bound - lower) * (rank - below) / (calls - below)
            lower, below = bound, calls
        return None

    def slower(self, bound: float) -> int:
        """The answered calls that took longer than `bound`, one of the buckets' bounds."""
        return self.answered - dict(self.buckets).get(bound, self.answered)

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "calls": self.calls,
            "errors": self.errors,
            "p50_seconds": self.quantile(0.5),
            "p99_seconds": self.quantile(0.99),
            "labels": dict(self.labels),
            "from_cache": self.from_cache,
        }


def figures_of(counts: Counts, version: str) -> Figures:
    """The figures of the version with this number."""
    own = {(series.counter, series.part): int(value) for series, value in counts.items() if series.version == version}
    buckets = sorted((float(part), value) for (counter, part), value in own.items() if counter == SECONDS)
    labels = {part: value for (counter, part), value in sorted(own.items()) if counter == LABELS}
    texts = {part: value for (counter, part), value in own.items() if counter == TEXTS}
    answered = buckets[-1][1] if buckets else 0
    from_cache = (texts.get("memory", 0) + texts.get("cache", 0)) / max(sum(texts.values()), 1)
    return Figures(answered, own.get((ERRORS, ""), 0), tuple(buckets), labels, from_cache)
