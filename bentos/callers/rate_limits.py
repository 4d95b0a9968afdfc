"""How often a caller may call: the setting RATE_LIMIT.

It has the notation of the library `limits`, as `100/minute` or `10/second;5000/day`. The windows are fixed: one begins
with a caller's first call. A call counts as one, a list as one for each text. Each worker counts for itself, or all
services together in the storage that RATE_LIMIT_STORAGE names (see `shared_counters`).
"""

import math
import time
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_network

from bentos.callers.shared_counters import Reached, SharedCounters
from bentos.errors import CallError
from bentos.store import StoreError


class RateLimits:
    """Counts the calls of every caller."""

    def __init__(self, limits: str, shared: SharedCounters | None = None) -> None:
        # Imported only where a limit is set: the library takes a tenth of a second.
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self.limits = sorted(parse_many(limits), key=lambda limit: limit.get_expiry())
        self.shared = shared
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    @property
    def problem(self) -> str:
        """Why a worker counts for itself where a storage is configured; empty while it does not."""
        return self.shared.problem if self.shared else ""

    async def count(self, caller: str, texts: int = 1) -> None:
        """Raises CallError (too_often) for a caller who has reached a limit; such a call takes no room from others."""
        if reached := await self._take(_key(caller), texts):
            raise _too_often(reached)

    async def count_more(self, caller: str, texts: int) -> None:
        """Count the texts of a call that was counted as one.

        Raises CallError: too_often, or too_many for a list that no window has room for.
        """
        smallest = min(self.limits, key=lambda limit: limit.amount)
        if texts > smallest.amount:
            raise CallError("too_many", f"{texts} texts at once are more than a caller may send: {smallest}")
        if texts > 1:
            await self.count(caller, texts - 1)

    async def _take(self, key: str, texts: int) -> list[Reached]:
        """Count the texts; or return the limits that leave no room for them. Without Redis this worker counts."""
        if self.shared:
            with suppress(StoreError):
                return await self.shared.take(self.limits, key, texts)
        return self._take_alone(key, texts)

    def _take_alone(self, key: str, texts: int) -> list[Reached]:
        full = [limit for limit in self.limits if not self._limiter.test(limit, key, cost=texts)]
        for limit in () if full else self.limits:
            self._limiter.hit(limit, key, cost=texts)
        return [Reached(limit, self._limiter.get_window_stats(limit, key).reset_time) for limit in full]


def _too_often(reached: list[Reached]) -> CallError:
    seconds = max(1, math.ceil(max(until for _, until in reached) - time.time()))
    detail = f"a caller may send {reached[0].limit}, in texts or other calls: retry in {seconds} s"
    return CallError("too_often", detail, seconds)


@lru_cache(4096)
def _key(caller: str) -> str:
    """One key for all addresses of an IPv6 network of 64 bits, which is the least that a provider assigns."""
    return str(ip_network((caller, 64), strict=False)) if ":" in caller else caller
