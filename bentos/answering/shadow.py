"""The shadow: a version that hears the calls that others answer, so that they can be compared before it is promoted."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.background import BackgroundTask
from starlette.responses import Response

from bentos.answering.predictor import Answer
from bentos.monitoring.metrics import Metrics
from bentos.versions.loaded import Loaded, Served

MAX_WAITING = 1_000_000  # characters of text; what comes when so many wait is dropped

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """A call as it was answered, for the shadow to answer too."""

    version: Loaded
    shadow: Loaded
    answers: Sequence[Answer]

    @property
    def characters(self) -> int:
        return sum(len(answer.input) for answer in self.answers)


class Shadow:
    """Predicts what was answered once more, one call at a time; that is neither cached nor logged."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._waiting: asyncio.Queue[Heard] = asyncio.Queue()
        self._characters = 0

    def mirror(self, response: Response, served: Served, version: Loaded, answers: Sequence[Answer]) -> Response:
        """The response, from which on the shadow hears of the call once it is sent; the same one without a shadow."""
        if served.shadow and served.shadow.key != version.key:
            response.background = BackgroundTask(self._hear, Heard(version, served.shadow, answers))
        return response

    async def _hear(self, heard: Heard) -> None:
        if self._characters + heard.characters > MAX_WAITING:
            self.metrics.shadow_dropped.inc(len(heard.answers))
            return
        self._characters += heard.characters
        self._waiting.put_nowait(heard)

    async def run(self) -> None:
        while True:
            heard = await self._waiting.get()
            try:
                await self._compare(heard)
            except Exception as error:  # the shadow is on trial: its failures are counted and are nobody's
                self.metrics.shadow_failures.inc(len(heard.answers))
                logger.warning("the shadow, version %s, does not predict: %r", heard.shadow.number, error)
            finally:
                self._characters -= heard.characters

    async def _compare(self, heard: Heard) -> None:
        texts = [answer.input for answer in heard.answers]
        predictions = await asyncio.to_thread(heard.shadow.model.predict, texts)
        labels = [max(prediction, key=prediction.__getitem__) for prediction in predictions]
        differing = sum(label != answer.label for label, answer in zip(labels, heard.answers, strict=True))
        self.metrics.shadowed(heard.version.number, heard.shadow.number, len(texts), differing)
