"""Gives every request an id, counts and times it by its route, and writes its line in the log.

The id is the caller's own where X-Request-ID has a valid one. It is in the answer's header and in every log line that
is written for the request.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.errors import CallError
from bentos.http.context import CALLER
from bentos.http.responses import VERSION_HEADER, refuse
from bentos.monitoring import logs, tracing
from bentos.monitoring.metrics import Metrics

ID_HEADER = b"x-request-id"
VALID_ID = re.compile(rb"[\w.:/+=-]{1,128}", re.ASCII)
_VERSION_HEADER = VERSION_HEADER.lower().encode()

logger = logging.getLogger(__name__)


class Instrumentation:
    """ASGI middleware. An exception of the service becomes status 500 here."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()
        response = ObservedSend(send, _request_id(scope["headers"]))
        logs.REQUEST_ID.set(response.request_id)
        try:
            with tracing.request_span(scope, response.request_id) as span:
                await self._answer(scope, receive, response)
                if span:
                    tracing.complete(span, scope["method"], _route(scope), response.status)
        finally:  # in the next turn of the event loop, so that the answer leaves first
            seconds = time.perf_counter() - started
            asyncio.get_running_loop().call_soon(self._count, scope, response, seconds)

    async def _answer(self, scope: Scope, receive: Receive, response: "ObservedSend") -> None:
        try:
            await self.app(scope, receive, response)
        except Exception:
            logger.exception("%s %s failed", scope["method"], _route(scope))
            if response.status:  # the answer has begun: all that is left is to break the connection
                raise
            detail = f"an error of the service: its log has the details under {response.request_id}"
            await refuse(scope, receive, response, CallError("internal", detail))

    def _count(self, scope: Scope, response: "ObservedSend", seconds: float) -> None:
        route, status = _route(scope), response.status or 500
        self.metrics.count_request(route, status, seconds)
        if logs.requests.isEnabledFor(logging.INFO):  # never with path or query: they may contain a caller's text
            fields = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 2)}
            fields |= {"caller": scope.get(CALLER), "version": response.version}
            logs.info(logs.requests, f"{scope['method']} {route} {status}", **fields)


class ObservedSend:
    """Sends an answer on with the request's id in its headers, and remembers its status, which is 0 until then."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.request_id = request_id
        self.status = 0
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self._headers = message["status"], message["headers"]
            message["headers"] = [*self._headers, (ID_HEADER, self.request_id.encode())]
        await self._send(message)

    @property
    def version(self) -> str | None:
        """The number of the version that answered, from the answer's headers."""
        return next((value.decode() for name, value in self._headers if name == _VERSION_HEADER), None)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == ID_HEADER and VALID_ID.fullmatch(value):
            return value.decode()
    return f"{random.getrandbits(64):016x}"  # no secret; `os.urandom` would give the interpreter's lock away


def _route(scope: Scope) -> str:
    """The route's template, as `/versions/{ref}`; `other` where no route matches."""
    return getattr(scope.get("route"), "path", "other")
