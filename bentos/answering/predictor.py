"""Cache, then model, then log: the one path that every text takes to its answer."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bentos.monitoring import logs, tracing
from bentos.monitoring.metrics import Metrics
from bentos.store import Call, Probabilities, Store, StoreError, timeuuid
from bentos.versions.loaded import Loaded
from registry.model.artifact import DECIMALS

INLINE_TEXTS, INLINE_CHARACTERS = (8, 2_000)  # more goes to a thread: the event loop never waits longer than about 2 ms

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """One text's prediction. `label` is the most probable one, `id` the log's name of the call."""

    input: str
    prediction: Probabilities
    label: str
    from_cache: bool
    id: UUID


Found = tuple[Probabilities, bool]  # a prediction, and whether it came from the cache
Flight = tuple[str, str, bool]  # version key, text, skip_cache


class Predictor:
    """Answers texts with a version, and keeps what it answered in the store."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self.store = store
        self.metrics = metrics
        self._flights: dict[Flight, asyncio.Future[Found]] = {}
        self._quiet_until = 0.0

    async def answer(self, version: Loaded, texts: Sequence[str], caller_id: str, skip_cache: bool) -> list[Answer]:
        """One answer a text, in order. Raises StoreError when they cannot be logged: no call is answered unlogged."""
        counted, started = self.metrics.version(version.number), time.perf_counter()
        try:
            answers = await self._answered(version, texts, caller_id, skip_cache)
        except Exception:
            counted.errors.inc()
            raise
        counted.answered(answers, time.perf_counter() - started)
        if logs.texts.isEnabledFor(logging.INFO):
            _tell(version, answers)
        return answers

    async def _answered(self, version: Loaded, texts: Sequence[str], caller_id: str, skip_cache: bool) -> list[Answer]:
        flights = {text: (version.key, text, skip_cache) for text in texts}
        followed = {text: self._flights[flight] for text, flight in flights.items() if flight in self._flights}
        led = {text: self._take_off(flight) for text, flight in flights.items() if text not in followed}
        try:
            found = await self._find(version, list(led), skip_cache)
            for text, future in led.items():
                future.set_result(found[text])
            for text, future in followed.items():
                found[text] = await self._follow(future, version, text, skip_cache)
            answers = [_answer(text, *found[text]) for text in texts]
            new = {text: found[text][0] for text in led if not found[text][1]}
            await self._keep(version, answers, caller_id, new)
        finally:  # a flight lands when its prediction is stored: whoever comes now finds it in the cache
            for text, future in led.items():
                future.cancel()  # no effect on one that has its result
                del self._flights[flights[text]]
        return answers

    def _take_off(self, flight: Flight) -> asyncio.Future[Found]:
        future = self._flights[flight] = asyncio.get_running_loop().create_future()
        return future

    async def _follow(self, leader: asyncio.Future[Found], version: Loaded, text: str, skip_cache: bool) -> Found:
        """Share what another request is finding at this moment; find it here when that request fails."""
        if not leader.done():
            await asyncio.wait([leader])
        if leader.cancelled():
            return (await self._find(version, [text], skip_cache))[text]
        return leader.result()

    async def _find(self, version: Loaded, texts: Sequence[str], skip_cache: bool) -> dict[str, Found]:
        cached = {} if skip_cache or not texts else await self._cached(version, texts)
        missing = [text for text in texts if text not in cached]
        made = await _predict(version, missing) if missing else []
        return {text: (p, True) for text, p in cached.items()} | {
            text: (p, False) for text, p in zip(missing, made, strict=True)
        }

    async def _cached(self, version: Loaded, texts: Sequence[str]) -> dict[str, Probabilities]:
        """The stored predictions that are sound. A store that cannot say has none."""
        try:
            with tracing.span("cache", version.number, len(texts)) as span:
                rows = await self.store.get(version.key, texts)
                if span:
                    span.set_attribute("spam.hits", len(rows))
        except StoreError as error:
            self.metrics.cache_failures.labels("get").inc()
            self._complain("cache not read", error)
            return {}
        sound = {text: _sound(row, version.model.labels) for text, row in rows.items()}
        bad = sum(row is None for row in sound.values())
        self.metrics.cache_bad_rows.inc(bad)
        return {text: row for text, row in sound.items() if row is not None}

    async def _keep(
        self, version: Loaded, answers: Iterable[Answer], caller_id: str, new: Mapping[str, Probabilities]
    ) -> None:
        """Log the answers and store the new predictions, begun in one turn of the loop: one commit can hold both."""
        calls = [Call(caller_id, a.id, a.input, version.key, a.label, a.from_cache) for a in answers]
        if new:
            await asyncio.gather(self._log(version, calls), self._put(version, new))
        else:
            await self._log(version, calls)

    async def _log(self, version: Loaded, calls: Sequence[Call]) -> None:
        try:
            with tracing.span("log", version.number, len(calls)):
                await self.store.log(calls)
        except StoreError:
            self.metrics.log_failures.inc()
            raise

    async def _put(self, version: Loaded, new: Mapping[str, Probabilities]) -> None:
        try:
            await self.store.put(version.key, new)
        except StoreError as error:
            self.metrics.cache_failures.labels("put").inc()
            self._complain("cache not written", error)

    def _complain(self, what: str, error: StoreError) -> None:
        """Say it, at most every ten seconds: a dead store fails every request."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + 10
            logger.warning("%s: %s", what, error)


async def _predict(version: Loaded, texts: list[str]) -> list[Probabilities]:
    """Run the model once over all texts, off the event loop when that takes long."""
    with tracing.span("model", version.number, len(texts)):
        if len(texts) <= INLINE_TEXTS and sum(map(len, texts)) <= INLINE_CHARACTERS:
            return version.model.predict(texts)
        return await asyncio.get_running_loop().run_in_executor(None, version.model.predict, texts)


def _sound(row: Probabilities, labels: Sequence[str]) -> Probabilities | None:
    """The row in the labels' order and rounded as answers are, or None when it is no distribution over them."""
    try:
        values = [round(float(row[label]), DECIMALS) for label in labels]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    if len(row) != len(labels) or min(values) < 0 or not math.isclose(sum(values), 1, abs_tol=1e-3):
        return None
    return dict(zip(labels, values, strict=True))


def _answer(text: str, prediction: Probabilities, from_cache: bool) -> Answer:
    return Answer(text, prediction, max(prediction, key=prediction.__getitem__), from_cache, timeuuid.now())


def _tell(version: Loaded, answers: Sequence[Answer]) -> None:
    for answer in answers:
        about = {"version": version.number, "label": answer.label, "from_cache": answer.from_cache}
        logs.tell(logs.texts, "answered", **about, text=answer.input)
