"""Every request gets an id, is counted and timed by its route's template, and is told to the log.

The id is the caller's own where X-Request-ID names a sound one. It is in the answer's header and in every line that the
request leaves in the log, and an error of the service names it to the caller.
"""

import logging
import os
import re
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.errors import CallError, refuse
from bentos.http.middleware.authentication import CALLER
from bentos.monitoring import logs, tracing
from bentos.monitoring.metrics import Metrics

HEADER, VERSION = b"x-request-id", b"x-model-version"
SOUND = re.compile(rb"[\w.:/+=-]{1,128}", re.ASCII)

logger = logging.getLogger(__name__)


class Measured:
    """ASGI middleware; around the limits, so that it sees what they refuse."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()
        answer = Answer(send, _request_id(scope["headers"]))
        logs.REQUEST_ID.set(answer.request_id)
        try:
            with tracing.request(scope, answer.request_id) as span:
                await self._answered(scope, receive, answer)
                if span:
                    tracing.answered(span, scope["method"], _route(scope), answer.status)
        finally:
            self._count(scope, answer, time.perf_counter() - started)

    async def _answered(self, scope: Scope, receive: Receive, answer: "Answer") -> None:
        try:
            await self.app(scope, receive, answer)
        except Exception:
            logger.exception("%s %s failed", scope["method"], _route(scope))
            if answer.status:  # it has begun, and cannot become another: the connection breaks
                raise
            why = f"an error of the service: its log has the details under {answer.request_id}"
            await refuse(scope, receive, answer, CallError(500, "internal", why))

    def _count(self, scope: Scope, answer: "Answer", seconds: float) -> None:
        route, status = _route(scope), answer.status or 500
        self.metrics.requests.labels(route, status).inc()
        self.metrics.latency.labels(route).observe(seconds)
        if logs.requests.isEnabledFor(logging.INFO):  # never the path or the query: they may hold what a caller wrote
            about = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 2)}
            about |= {"caller": scope.get(CALLER), "version": answer.version}
            logs.tell(logs.requests, f"{scope['method']} {route} {status}", **about)


class Answer:
    """Where the application sends its answer: it goes on to the caller with the id. The status is 0 until then."""

    def __init__(self, send: Send, request_id: str) -> None:
        self.request_id = request_id
        self.status = 0
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self._headers = message["status"], message["headers"]
            message["headers"] = [*self._headers, (HEADER, self.request_id.encode())]
        await self._send(message)

    @property
    def version(self) -> str | None:
        """The version that answered, as the answer itself says."""
        return next((value.decode() for name, value in self._headers if name == VERSION), None)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if name == HEADER and SOUND.fullmatch(value):
            return value.decode()
    return os.urandom(8).hex()


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "other")
