"""The shadow: a version that predicts the calls that others answer, to compare it before it is promoted."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bentos.answering.model_pool import ModelPool
from bentos.answering.predictor import Answer
from bentos.answering.sampling import ReviewSampler
from bentos.monitoring.metrics import Metrics
from bentos.store import SHADOW, Call, Store, StoreError, timeuuid
from bentos.versions.loaded import LoadedVersion

LOG_EVERY = 1.0  # seconds
MAX_ROWS = 500  # that wait for the log
MAX_WAITING_CHARACTERS = 1_000_000  # of text; calls beyond it are dropped

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Comparison:
    """An answered call that waits for the shadow's prediction."""

    caller_id: str
    version: LoadedVersion
    shadow: LoadedVersion
    answers: Sequence[Answer]

    @property
    def characters(self) -> int:
        return sum(len(answer.input) for answer in self.answers)


class Shadow:
    """Predicts answered calls once more, one at a time, counts where the labels differ, and logs what it predicted.

    The rows of the log say that they are the shadow's: they are no answers, and only compare versions. They are written
    once a second: a write of each would make the callers' own writes wait for the disk.
    """

    def __init__(self, store: Store, metrics: Metrics, pool: ModelPool, sampler: ReviewSampler) -> None:
        self.store = store
        self.sampler = sampler
        self.metrics = metrics
        self.pool = pool
        self._waiting: asyncio.Queue[_Comparison] = asyncio.Queue()
        self._waiting_characters = 0
        self._rows: list[Call] = []  # predicted, and not in the log yet

    async def compare(
        self, caller_id: str, version: LoadedVersion, shadow: LoadedVersion, answers: Sequence[Answer]
    ) -> None:
        """Queue a call that `version` answered, for `shadow` to predict; dropped when too much text waits."""
        comparison = _Comparison(caller_id, version, shadow, answers)
        if self._waiting_characters + comparison.characters > MAX_WAITING_CHARACTERS:
            self.metrics.shadow_dropped.inc(len(answers))
            return
        self._waiting_characters += comparison.characters
        self._waiting.put_nowait(comparison)

    async def run(self) -> None:
        logging_rows = asyncio.create_task(self._log_every_second())
        try:
            await self._predict_all()
        finally:
            logging_rows.cancel()
            await self._log_rows()

    async def _log_every_second(self) -> None:
        while True:
            await asyncio.sleep(LOG_EVERY)
            await self._log_rows()

    async def _log_rows(self) -> None:
        rows, self._rows = self._rows, []
        try:
            if rows:
                await self.store.log(rows)
        except StoreError as error:
            logger.warning("%d predictions of the shadow are not in the log: %s", len(rows), error)

    async def _predict_all(self) -> None:
        while True:
            comparison = await self._waiting.get()
            try:
                await self._predict(comparison)
            except Exception as error:  # of any kind: a version on trial may fail, and no caller may notice
                self.metrics.shadow_failures.inc(len(comparison.answers))
                logger.warning("the shadow, version %s, failed: %r", comparison.shadow.number, error)
            finally:
                self._waiting_characters -= comparison.characters

    async def _predict(self, comparison: _Comparison) -> None:
        texts = [answer.input for answer in comparison.answers]
        predictions = await self.pool.run(comparison.shadow.model.classify, texts)
        probabilities = [prediction.probabilities for prediction in predictions]
        labels = [comparison.shadow.model.decision.label(row) for row in probabilities]
        differing = [a for label, a in zip(labels, comparison.answers, strict=True) if label != a.label]
        caller, key = comparison.caller_id, comparison.shadow.key
        rows = zip(texts, labels, probabilities, strict=True)
        self._rows += [
            Call(caller, timeuuid.now(), text, key, label, False, row[label], source=SHADOW)
            for text, label, row in rows
        ]
        if len(self._rows) >= MAX_ROWS:
            await self._log_rows()
        self.metrics.count_shadowed(comparison.version.number, comparison.shadow.number, len(texts), len(differing))
        for answer in differing:
            self.sampler.consider_disagreement(comparison.version, caller, answer)
