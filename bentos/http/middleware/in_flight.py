"""The requests that a worker is answering: their count, for an orderly end and for the limit on concurrent calls."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.errors import CallError
from bentos.http.context import CALLER, InFlight
from bentos.http.responses import refuse

RETRY_AFTER = 1  # seconds: a worker at its limit answers that many calls in far less


class InFlightCounter:
    """ASGI middleware that counts requests, and asks clients of a draining worker to close their connections."""

    def __init__(self, app: ASGIApp, in_flight: InFlight) -> None:
        self.app = app
        self.in_flight = in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.in_flight.begin()
        try:
            await self.app(scope, receive, _closing(send) if self.in_flight.draining else send)
        finally:
            self.in_flight.end()


class ConcurrencyLimit:
    """ASGI middleware that refuses a call at once when `limit` calls are being answered, instead of letting all wait.

    It stands inside the body limit: a call whose body is still arriving takes no place.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if CALLER not in scope:  # an open path, which has no limits
            return await self.app(scope, receive, send)
        if self.count >= self.limit:
            detail = f"{self.limit} calls are being answered now, as many as MAX_CONCURRENCY allows: retry"
            return await refuse(scope, receive, send, CallError("overloaded", detail, RETRY_AFTER))
        self.count += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.count -= 1


def _closing(send: Send) -> Send:
    async def send_with_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return send_with_close
