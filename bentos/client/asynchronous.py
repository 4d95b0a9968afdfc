"""The client for programs with asyncio or trio."""

from collections.abc import Iterable
from itertools import count

import anyio
import httpx

from bentos.client import calls
from bentos.client.answers import Comparison, Feedback, LoggedCall, Prediction, Versions
from bentos.client.calls import MAX_TEXTS, Answer, Call
from bentos.client.retries import Retries


class AsyncClient:
    """Calls a service; many calls may be awaited at once. It ends its connections at the end of an `async with`.

    Every method raises ClientError where there is no answer.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = 30.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout` is in seconds, for connecting and for each wait for data; `transport` is httpx's own."""
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._retries = retries or Retries()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def predict(
        self,
        text: str,
        *,
        model_version: str | None = None,
        explain: bool = False,
        echo_input: bool = False,
        skip_cache: bool = False,
    ) -> Prediction:
        """Classify one text. `model_version` is a version's number or alias."""
        options = {"explain": explain, "echo_input": echo_input, "skip_cache": skip_cache}
        return await self._send(calls.predict(text, model_version=model_version, **options))

    async def predict_many(
        self,
        texts: Iterable[str],
        *,
        model_version: str | None = None,
        echo_input: bool = False,
        skip_cache: bool = False,
        list_size: int = MAX_TEXTS,
    ) -> list[Prediction]:
        """Classify the texts, answered in their order, with as many calls as they need.

        Where the service has a RATE_LIMIT, a `list_size` above it would be refused.
        """
        options = {"model_version": model_version, "echo_input": echo_input, "skip_cache": skip_cache}
        predictions: list[Prediction] = []
        for part in calls.split(texts, list_size):
            answered = await self._send(calls.predict_list(part, **options))
            predictions += answered
        return predictions

    async def compare(self, text: str, *, echo_input: bool = False, skip_cache: bool = False) -> Comparison:
        """Classify one text with every served version."""
        return await self._send(calls.compare(text, echo_input=echo_input, skip_cache=skip_cache))

    async def versions(self) -> Versions:
        """What is served."""
        return await self._send(calls.versions())

    async def recent_log(self) -> list[LoggedCall]:
        """Your calls of this hour, oldest first."""
        return await self._send(calls.recent_log())

    async def feedback(self, label: str, *, id: str | None = None, text: str | None = None) -> Feedback:
        """Say the right label of a prediction, by its `id`, or of a `text`."""
        return await self._send(calls.feedback(label, id=id, text=text))

    async def _send(self, call: Call[Answer]) -> Answer:
        for retries in count():
            outcome = await self._try(call)
            pause = self._retries.pause(retries, outcome)
            if pause is None:
                break
            await anyio.sleep(pause)
        return call.answer(outcome)

    async def _try(self, call: Call[Answer]) -> httpx.Response | httpx.RequestError:
        try:
            return await self._http.request(call.method, call.path, json=call.body)
        except httpx.RequestError as error:
            return error
