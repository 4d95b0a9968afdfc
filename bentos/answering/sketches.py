"""What the texts of each version are like, as histograms of the last hour: the worker's part in measuring drift.

Of the texts that a version answers, from the cache or not, a random sample is measured every few seconds, after they
were answered: of a quiet version that is every text. So the cost has a bound, and a thousand texts at once count as a
few. Where a worker starts again, it begins with empty histograms.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from bentos.monitoring.metrics import AnsweredText, Metrics
from bentos.versions.loaded import CurrentVersions, LoadedVersion
from registry.drift import MIN_CALLS
from registry.model.profile import MEASURED, Histogram, bins_of

EVERY = 2.0  # seconds between two samples
PART, WINDOW, LONGEST = 600.0, 3_600.0, 86_400.0  # seconds

logger = logging.getLogger(__name__)


@dataclass
class _Part:
    """What was counted in PART seconds, the first of which is `began`."""

    began: float
    texts: int = 0
    bins: Counter[tuple[str, str]] = field(default_factory=Counter)  # by feature and bin


class Sketch:
    """Histograms of the texts of the last WINDOW; where these are fewer than MIN_CALLS, of LONGEST at most.

    They are kept in parts, and whole parts are dropped. `now` is in seconds, of any clock that never goes back.
    """

    def __init__(self) -> None:
        self._parts: deque[_Part] = deque()  # oldest first

    def add(self, bins: Mapping[str, str], now: float) -> None:
        """Count a text by its bin of each feature."""
        if not self._parts or now - self._parts[-1].began >= PART:
            self._parts.append(_Part(now))
        self._parts[-1].texts += 1
        self._parts[-1].bins.update(bins.items())

    def histograms(self, now: float) -> dict[str, Histogram]:
        """How many texts are in each bin, by feature."""
        while self._parts and now - self._parts[0].began >= LONGEST:
            self._parts.popleft()
        texts, total = 0, Counter[tuple[str, str]]()
        for part in reversed(self._parts):
            if now - part.began >= WINDOW and texts >= MIN_CALLS:
                break
            texts += part.texts
            total.update(part.bins)
        histograms: dict[str, Histogram] = {}
        for (feature, name), count in sorted(total.items()):
            histograms.setdefault(feature, {})[name] = count
        return histograms


class Sketches:
    """The sketch of each served version that was registered with the profile of its training set."""

    def __init__(self, current: CurrentVersions, metrics: Metrics) -> None:
        self.current = current
        self.metrics = metrics
        self._by_key: dict[str, Sketch] = {}

    async def run(self) -> None:
        while True:  # at once: a new worker, too, may be asked for the figures of all
            try:
                await self.update(time.monotonic())
            except Exception as error:  # of any kind: no call depends on it. Its message could contain a text
                logger.warning("drift is not measured: %s", type(error).__name__)
            await asyncio.sleep(EVERY)

    async def update(self, now: float) -> None:
        """Measure what was sampled since the last time, and show the histograms. Calls are answered in between."""
        versions = {v.number: v for v in self.current.served.versions if v.reference}
        references = {number: version.reference.histograms() for number, version in versions.items()}
        self._by_key = {v.key: self._by_key.get(v.key) or Sketch() for v in versions.values()}
        for number, answers in self.metrics.take_samples().items():
            if version := versions.get(number):
                for answer in answers:
                    bins = measured(version, answer)
                    known = {feature: name for feature, name in bins.items() if feature in references[number]}
                    self._by_key[version.key].add(known, now)
                    await asyncio.sleep(0)
        texts = {number: self._by_key[version.key].histograms(now) for number, version in versions.items()}
        self.metrics.drift.show(texts, references)


def measured(version: LoadedVersion, answer: AnsweredText) -> dict[str, str]:
    """The bin of an answered text, by each feature. The version has a reference."""
    score = answer.prediction.get(version.reference.positive, 0.0)
    unknown = version.model.unknown_share(answer.input[:MEASURED])
    return bins_of(answer.input, answer.label, score, unknown)
