"""Answers texts: by the caller's own corrections, from the cache, or else from the model; every answer is logged."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bentos.answering import batcher
from bentos.answering.log_health import LogHealth
from bentos.answering.memory_cache import MemoryCache
from bentos.answering.model_pool import IsGone, ModelPool
from bentos.answering.own_labels import OwnLabels
from bentos.monitoring import logs, tracing
from bentos.monitoring.metrics import Metrics
from bentos.store import CORRECTION, MODEL, Call, Probabilities, Store, StoreError, timeuuid
from bentos.versions.loaded import LoadedVersion
from registry.model.artifact import DECIMALS, Prediction

UNFAMILIAR = "?unfamiliar"  # no label: a corpus's labels are words
COMPLAIN_EVERY = 10.0  # seconds: a store that is away fails at every request

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """One text's prediction. `id` identifies the call in the log.

    `label` is the answered one, at the version's operating point, and `verdict` is that label or `unsure`.
    `from_cache`: the model did not run for this call; `from_memory`, nor was the store asked. `corrected`: the label is
    the caller's own, from an earlier correction, and no model answered.
    """

    input: str
    prediction: Probabilities
    label: str
    verdict: str
    unfamiliar: bool
    from_cache: bool
    id: UUID
    from_memory: bool = False
    corrected: bool = False

    @property
    def probability(self) -> float:
        return self.prediction[self.label]

    @property
    def source(self) -> str:
        """As in the call log."""
        return CORRECTION if self.corrected else MODEL


Consider = Callable[[LoadedVersion, str, Sequence[Answer]], None]  # of a version, a caller and its answers


class Predictor:
    """Answers texts with a version, and keeps predictions and calls in the store."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        pool: ModelPool,
        log_health: LogHealth,
        own_labels: OwnLabels,
        memory: MemoryCache,
        consider: Consider,
    ) -> None:
        """`consider` is told of every answer; it may take microseconds and raise nothing."""
        self.store = store
        self.own_labels = own_labels
        self.memory = memory
        self.consider = consider
        self.log_health = log_health
        self.metrics = metrics
        self.pool = pool
        self._batcher = batcher.Batcher()
        self._may_complain = logs.Throttle(COMPLAIN_EVERY)

    async def answer(
        self,
        version: LoadedVersion,
        texts: Sequence[str],
        caller_id: str,
        skip_cache: bool,
        is_gone: IsGone | None = None,
        alias: str = "",
        corrected: bool = False,
    ) -> list[Answer]:
        """One answer for each text, in order. `alias` is the one that the routing chose; with `corrected`, the texts
        that the caller has corrected are answered with the caller's own labels.

        Raises StoreError when they cannot be logged: then none is given. Raises what `ModelPool.run` raises.
        """
        metrics, started = self.metrics.version(version.number), time.perf_counter()
        try:
            different = list(dict.fromkeys(texts))
            own, remembered, cached = await self._look_up(version, different, caller_id, skip_cache, corrected)
            predictions = remembered | cached
            missing = [text for text in different if text not in predictions and text not in own]
            predicted = await self._predict(version, missing, is_gone) if missing else {}
            predictions |= predicted
            answers = [
                _own_answer(version, text, own[text])
                if text in own
                else _make_answer(version, text, predictions[text], text not in predicted, text in remembered)
                for text in texts
            ]
            calls = [logged(caller_id, version.key, answer, alias) for answer in answers]
            if predicted:  # both begin in the same turn of the event loop, so that one commit can hold both
                await asyncio.gather(self._log(version, calls), self._write_cache(version, predicted))
            else:
                await self._log(version, calls)
        except Exception:
            metrics.errors.inc()
            raise
        seconds = time.perf_counter() - started  # all else in the next turn of the event loop: the answer leaves first
        asyncio.get_running_loop().call_soon(self._tell, version, caller_id, answers, seconds)
        return answers

    def _tell(self, version: LoadedVersion, caller_id: str, answers: Sequence[Answer], seconds: float) -> None:
        """Tell the metrics, the log and whoever considers answers of a call that took so long."""
        self.metrics.version(version.number).count_answered(answers, seconds)
        self.consider(version, caller_id, answers)
        if logs.texts.isEnabledFor(logging.INFO):
            _log_texts(version, answers)

    async def _look_up(
        self, version: LoadedVersion, texts: Sequence[str], caller_id: str, skip_cache: bool, corrected: bool
    ) -> tuple[dict[str, str], dict[str, Prediction], dict[str, Prediction]]:
        """The caller's own labels, and the predictions in memory and in the store, which is asked for both at once."""
        remembered = {} if skip_cache else self.memory.get(version, texts)
        unknown = [] if skip_cache else [text for text in texts if text not in remembered]
        if not (corrected and self.own_labels.may_have(caller_id)):
            return {}, remembered, await self._read_cache(version, unknown)
        own, cached = await asyncio.gather(
            self._read_own_labels(version, texts, caller_id), self._read_cache(version, unknown)
        )
        return own, remembered, cached

    async def _read_own_labels(self, version: LoadedVersion, texts: Sequence[str], caller_id: str) -> dict[str, str]:
        """The caller's labels that the version knows; none where the store cannot answer: the model answers then."""
        try:
            own = await self.own_labels.of(caller_id, texts)
        except StoreError as error:
            self._complain("get", "corrections not read", error)
            return {}
        return {text: label for text, label in own.items() if label in version.model.labels}

    async def _read_cache(self, version: LoadedVersion, texts: Sequence[str]) -> dict[str, Prediction]:
        """The stored predictions that are valid; none where the store cannot answer."""
        if not texts:
            return {}
        try:
            with tracing.span("cache", version.number, len(texts)) as span:
                rows = await self.store.get(version.key, texts)
                if span:
                    span.set_attribute("spam.hits", len(rows))
        except StoreError as error:
            self._complain("get", "cache not read", error)
            return {}
        checked = {text: _checked(row, version.model.labels) for text, row in rows.items()}
        valid = {text: prediction for text, prediction in checked.items() if prediction is not None}
        self.metrics.cache_bad_rows.inc(len(checked) - len(valid))
        self.memory.put_read(version, valid)
        return valid

    async def _predict(self, version: LoadedVersion, texts: list[str], is_gone: IsGone | None) -> dict[str, Prediction]:
        """Run the model over all texts, in the pool when that takes long."""
        with tracing.span("model", version.number, len(texts)):
            if batcher.fits(texts):
                predictions = await self._batcher.run(version.model, texts)
            else:
                predictions = await self.pool.run(version.model.classify, texts, is_gone)
        predicted = dict(zip(texts, predictions, strict=True))
        self.memory.put(version, predicted)
        return predicted

    async def _write_cache(self, version: LoadedVersion, predictions: Mapping[str, Prediction]) -> None:
        try:
            await self.store.put(version.key, {text: cache_row(prediction) for text, prediction in predictions.items()})
        except StoreError as error:
            self._complain("put", "cache not written", error)

    async def _log(self, version: LoadedVersion, calls: Sequence[Call]) -> None:
        try:
            with tracing.span("log", version.number, len(calls)):
                await self.store.log(calls)
        except StoreError as error:
            self.metrics.log_failures.inc()
            self.log_health.failed(error)
            raise
        self.log_health.succeeded()

    def _complain(self, operation: str, message: str, error: StoreError) -> None:
        self.metrics.cache_failures.labels(operation).inc()
        if self._may_complain():
            logger.warning("%s: %s", message, error)


def logged(caller_id: str, version_key: str, answer: Answer, alias: str) -> Call:
    """The row of an answer in the call log."""
    probability = None if answer.corrected else answer.probability
    call = (caller_id, answer.id, answer.input, version_key, answer.label, answer.from_cache)
    return Call(*call, probability, alias, answer.source)


def cache_row(prediction: Prediction) -> Probabilities:
    """What is stored: the probabilities, and a mark where the text is unfamiliar; other rows stay as they were."""
    return prediction.probabilities | ({UNFAMILIAR: 0.0} if prediction.unfamiliar else {})


def _checked(row: Probabilities, labels: Sequence[str]) -> Prediction | None:
    """The stored row in the labels' order, rounded as answers are; None when it is no distribution over the labels."""
    unfamiliar = UNFAMILIAR in row
    try:
        values = [round(float(row[label]), DECIMALS) for label in labels]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if len(row) != len(labels) + unfamiliar or min(values) < 0 or not math.isclose(sum(values), 1, abs_tol=1e-3):
        return None
    return Prediction(dict(zip(labels, values, strict=True)), unfamiliar)


def _make_answer(
    version: LoadedVersion, text: str, prediction: Prediction, from_cache: bool, from_memory: bool
) -> Answer:
    probabilities, unfamiliar = prediction
    decision = version.model.decision
    label, verdict = decision.label(probabilities), decision.verdict(probabilities)
    return Answer(text, probabilities, label, verdict, unfamiliar, from_cache, timeuuid.now(), from_memory)


def _own_answer(version: LoadedVersion, text: str, label: str) -> Answer:
    prediction = {name: float(name == label) for name in version.model.labels}
    return Answer(text, prediction, label, label, False, False, timeuuid.now(), corrected=True)


def _log_texts(version: LoadedVersion, answers: Sequence[Answer]) -> None:
    for answer in answers:
        fields = {"version": version.number, "label": answer.label, "from_cache": answer.from_cache}
        logs.info(logs.texts, "answered", **fields, text=answer.input)
