"""How often a caller may call.

`RATE_LIMIT` is in the words of the `limits` library, as `100/minute` or `10/second;5000/day`. Its windows are fixed:
one begins with a caller's first call. A call counts as one, a list as one a text, or as one when it is refused.
"""

import logging
import math
import sqlite3
import time
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path

from limits import RateLimitItem, parse_many
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.callers.counts import Counts
from bentos.errors import CallError, refuse
from bentos.http.middleware.authentication import CALLER

QUIET = 10.0  # seconds between two complaints

logger = logging.getLogger(__name__)


class Rates:
    """The calls of every caller, counted in the file `path` for all workers that share it."""

    def __init__(self, limits: str, path: Path) -> None:
        self.limits = parse_many(limits)
        self._limiter = FixedWindowRateLimiter(Counts(path))
        self._quiet_until = 0.0

    def count(self, caller: str, texts: int = 1) -> None:
        """Raises CallError for a caller who has sent too many. While nothing can be counted, nobody has."""
        key = _key(caller)
        try:
            full = [limit for limit in self.limits if not self._limiter.test(limit, key, cost=texts)]
            full = full or [limit for limit in self.limits if not self._limiter.hit(limit, key, cost=texts)]
            if full:
                raise self._too_often(key, full)
        except sqlite3.Error as error:
            self._complain(error)

    def count_rest(self, caller: str, texts: int) -> None:
        """Count the texts of a call that was counted as one. Raises CallError, also for more than ever fit."""
        least = min(self.limits, key=lambda limit: limit.amount)
        if texts > least.amount:
            raise CallError(413, "too_many", f"{texts} texts at once are more than a caller may send: {least}")
        if texts > 1:
            self.count(caller, texts - 1)

    def _too_often(self, key: str, full: list[RateLimitItem]) -> CallError:
        ends = max(self._limiter.get_window_stats(limit, key).reset_time for limit in full)
        seconds = max(1, math.ceil(ends - time.time()))
        told = f"a caller may send {full[0]}, in texts or other calls: retry in {seconds} s"
        return CallError(429, "too_often", told, {"Retry-After": str(seconds)})

    def _complain(self, error: sqlite3.Error) -> None:
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET
            logger.error("calls are not limited now, since they cannot be counted: %s", error)


class Counted:
    """ASGI middleware that counts each call as one; the routes count the other texts of a list."""

    def __init__(self, app: ASGIApp, rates: Rates) -> None:
        self.app = app
        self.rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if caller := scope.get(CALLER):
            try:
                self.rates.count(caller)
            except CallError as error:
                return await refuse(scope, receive, send, error)
        await self.app(scope, receive, send)


@lru_cache(4096)
def _key(caller: str) -> str:
    """One for all addresses of an IPv6 network of 64 bits, the least that anybody is given."""
    return str(ip_network((caller, 64), strict=False)) if ":" in caller else caller
