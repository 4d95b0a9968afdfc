"""Chooses the answered calls that a person is asked about, and puts them into the review queue.

The random share is drawn first, and by nothing but chance: what is estimated from its labels alone is unbiased, as long
as no call of it was dropped. The other reasons look for calls that teach something: a probability near the version's
operating point, another label by the shadow, a text unlike all that the version has learnt. Each reason has an hourly
bound of its own, so no reason takes another's place.

A call is considered after it was answered, by cheap arithmetic; a task in the background writes to the store. While
the store is away, or a bound is reached, questions are dropped and counted: they are no acknowledged data.
"""

import asyncio
import logging
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from bentos.answering.predictor import Answer
from bentos.monitoring.logs import Throttle
from bentos.monitoring.metrics import Metrics
from bentos.store import Store, StoreError
from bentos.store.questions import RANDOM, SHADOW, THRESHOLD, UNFAMILIAR, Question
from bentos.versions.loaded import LoadedVersion
from registry.model.decision import Decision

NEAR = 3.0  # a probability whose odds are within this factor of the threshold's is near it
WAITING = 1_000  # questions that wait for the background task; more are dropped
BATCH = 100  # questions written at once
REMEMBERED = 4_096  # texts asked about, and calls taken up: neither is taken up twice
HOUR = 3600.0  # seconds
COMPLAIN_EVERY = 60.0  # seconds

logger = logging.getLogger(__name__)


class Near(NamedTuple):
    """The probabilities, of the label `of` or else of the answered one, from `low` to `high` that are near."""

    of: str | None
    low: float
    high: float

    def holds(self, answer: Answer) -> bool:
        probability = answer.prediction[self.of] if self.of else answer.probability
        return self.low <= probability <= self.high


class ReviewSampler:
    """Belongs to one event loop. `share` is that of the calls drawn by chance, `per_hour` the bound for each reason."""

    def __init__(self, store: Store, metrics: Metrics, share: float, per_hour: int) -> None:
        self.store = store
        self.metrics = metrics
        self.share = share
        self.per_hour = per_hour
        self._waiting: asyncio.Queue[Question] = asyncio.Queue(WAITING)
        self._near: dict[str, Near] = {}
        self._hour = -1
        self._taken: Counter[str] = Counter()  # this hour, by reason
        self._calls, self._texts = _Recent(), _Recent()
        self._may_complain = Throttle(COMPLAIN_EVERY)

    def consider(self, version: LoadedVersion, caller_id: str, answers: Sequence[Answer]) -> None:
        """Take up those of the answers that a person should see. The version's own, no corrections, no stand-in's."""
        if version.mock or not self.per_hour:
            return
        near = self._near.get(version.key) or self._near.setdefault(version.key, nearness(version))
        for answer in answers:
            if answer.corrected:
                continue
            if random.random() < self.share:
                self._take_up(RANDOM, version, caller_id, answer)
            elif near.holds(answer):
                self._take_up(THRESHOLD, version, caller_id, answer)
            elif answer.unfamiliar:
                self._take_up(UNFAMILIAR, version, caller_id, answer)

    def consider_disagreement(self, version: LoadedVersion, caller_id: str, answer: Answer) -> None:
        """Take up an answer that the shadow would have given another label, unless it is taken up already."""
        if self.per_hour and not version.mock and answer.id not in self._calls:
            self._take_up(SHADOW, version, caller_id, answer)

    def _take_up(self, reason: str, version: LoadedVersion, caller_id: str, answer: Answer) -> None:
        """Queue a question. A text is asked about once, but for the random share, which leaves nothing out."""
        hour = int(time.time() // HOUR)
        if hour != self._hour:
            self._hour = hour
            self._taken.clear()
        if reason != RANDOM and answer.input in self._texts:
            return
        if self._taken[reason] >= self.per_hour:
            return self.metrics.count_questions_dropped(reason, "bound", 1)
        question = Question(answer.id, caller_id, answer.input, version.key, answer.label, answer.probability, reason)
        try:
            self._waiting.put_nowait(question)
        except asyncio.QueueFull:
            return self.metrics.count_questions_dropped(reason, "queue", 1)
        self._taken[reason] += 1
        self._calls.add(answer.id)
        self._texts.add(answer.input)

    async def run(self) -> None:
        """The task in the background."""
        while True:
            questions = [await self._waiting.get()]
            while len(questions) < BATCH and not self._waiting.empty():
                questions.append(self._waiting.get_nowait())
            await self._write(questions)

    async def _write(self, questions: list[Question]) -> None:
        by_reason = Counter(question.reason for question in questions)
        try:
            await self.store.ask(questions)
        except Exception as error:  # of any kind: no caller may notice, and later questions should be asked
            if not isinstance(error, StoreError) or self._may_complain():
                logger.warning("questions for review are dropped: %s", error)
            for reason, many in by_reason.items():
                self.metrics.count_questions_dropped(reason, "store", many)
        else:
            for reason, many in by_reason.items():
                self.metrics.questions.labels(reason).inc(many)


class _Recent:
    """The last REMEMBERED of what was added, by hash."""

    def __init__(self) -> None:
        self._hashes: OrderedDict[int, None] = OrderedDict()

    def __contains__(self, item: Hashable) -> bool:
        return hash(item) in self._hashes

    def add(self, item: Hashable) -> None:
        self._hashes[hash(item)] = None
        if len(self._hashes) > REMEMBERED:
            self._hashes.popitem(last=False)


def nearness(version: LoadedVersion) -> Near:
    """What is near the version's operating point: odds within a factor NEAR, and whatever it calls unsure.

    A version without an operating point answers its most probable label: near is one whose odds are below NEAR.
    """
    decision = version.model.decision
    if not isinstance(decision, Decision):
        return Near(None, 0.0, NEAR / (1 + NEAR))
    low, high = (_times(decision.threshold, factor) for factor in (1 / NEAR, NEAR))
    return Near(decision.positive, min(low, decision.unsure_from), max(high, decision.unsure_to))


def _times(probability: float, factor: float) -> float:
    """The probability whose odds are `factor` times as high."""
    return factor * probability / (1 - probability + factor * probability)
