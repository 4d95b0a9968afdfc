"""Counts each call against its caller's rate limit."""

from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.callers.rate_limits import RateLimits
from bentos.errors import CallError
from bentos.http.context import CALLER
from bentos.http.responses import refuse


class RateLimit:
    """ASGI middleware that counts a call as one; the routes count the further texts of a list."""

    def __init__(self, app: ASGIApp, rate_limits: RateLimits) -> None:
        self.app = app
        self.rate_limits = rate_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if caller := scope.get(CALLER):  # none: an open path, which has no limits
            try:
                await self.rate_limits.count(caller)
            except CallError as error:
                return await refuse(scope, receive, send, error)
        await self.app(scope, receive, send)
