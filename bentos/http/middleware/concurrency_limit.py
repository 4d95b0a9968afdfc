"""How many calls are answered at once: one more is told so at once, instead of waiting with all others."""

from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.errors import CallError, refuse
from bentos.http.middleware.authentication import CALLER

RETRY_AFTER = "1"  # seconds: a worker that is full answers that many calls in far less


class Crowded:
    """ASGI middleware. Inside the one that reads bodies: a call that is still being sent keeps no place."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if CALLER not in scope:
            return await self.app(scope, receive, send)
        if self.inside >= self.most:
            told = f"{self.most} calls are being answered now, as many as MAX_CONCURRENCY allows: retry"
            return await refuse(scope, receive, send, CallError(503, "overloaded", told, {"Retry-After": RETRY_AFTER}))
        self.inside += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.inside -= 1
