"""How often a caller may call: the setting RATE_LIMIT.

It has the notation of the library `limits`, as `100/minute` or `10/second;5000/day`. The windows are fixed: one begins
with a caller's first call. A call counts as one, a list as one for each text. Each worker counts for itself.
"""

import math
import time
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from bentos.errors import CallError


class RateLimits:
    """Counts the calls of every caller."""

    def __init__(self, limits: str) -> None:
        # Imported only where a limit is set: the library takes a tenth of a second.
        from limits import parse_many
        from limits.storage import MemoryStorage
        from limits.strategies import FixedWindowRateLimiter

        self.limits = parse_many(limits)
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, caller: str, texts: int = 1) -> None:
        """Raises CallError (too_often) for a caller who has reached a limit; such a call is not counted."""
        key = _key(caller)
        reached = [limit for limit in self.limits if not self._limiter.test(limit, key, cost=texts)]
        if reached:
            raise self._too_often(key, reached)
        for limit in self.limits:
            self._limiter.hit(limit, key, cost=texts)

    def count_more(self, caller: str, texts: int) -> None:
        """Count the texts of a call that was counted as one.

        Raises CallError: too_often, or too_many for a list that no window has room for.
        """
        smallest = min(self.limits, key=lambda limit: limit.amount)
        if texts > smallest.amount:
            raise CallError("too_many", f"{texts} texts at once are more than a caller may send: {smallest}")
        if texts > 1:
            self.count(caller, texts - 1)

    def _too_often(self, key: str, reached: list[Any]) -> CallError:
        window_end = max(self._limiter.get_window_stats(limit, key).reset_time for limit in reached)
        seconds = max(1, math.ceil(window_end - time.time()))
        detail = f"a caller may send {reached[0]}, in texts or other calls: retry in {seconds} s"
        return CallError("too_often", detail, seconds)


@lru_cache(4096)
def _key(caller: str) -> str:
    """One key for all addresses of an IPv6 network of 64 bits, which is the least that a provider assigns."""
    return str(ip_network((caller, 64), strict=False)) if ":" in caller else caller
