"""The counters of rate limits that several services share, in Redis: the setting RATE_LIMIT_STORAGE.

No call waits long for them. `take` raises StoreError where Redis does not answer within WAIT, and at once while the
circuit is open (see `bentos.store.circuit_breaker`); the worker then counts for itself. A task in the background probes
a Redis that is away, and closes the circuit once it takes a write again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bentos.monitoring.logs import Throttle
from bentos.monitoring.metrics import Metrics
from bentos.store import StoreError
from bentos.store.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.aio.storage import Storage

T = TypeVar("T")

WAIT = 0.05  # seconds that a call waits for Redis at most
START_WAIT = 1.0  # seconds that the start waits for the first connection
PROBE_EVERY = 0.5  # seconds, while Redis is away
COMPLAIN_EVERY = 60.0  # seconds, while calls are counted by the worker alone
CONNECTIONS = 16  # that a worker has open; a call that finds none free waits, within WAIT
PREFIX = "sms-spam"  # of the keys in Redis
PROBE = "probe"  # the key that a probe writes, for a second

logger = logging.getLogger(__name__)


class Reached(NamedTuple):
    """A limit that a caller has reached, and the Unix time when it may call again."""

    limit: "RateLimitItem"
    until: float


class SharedCounters:
    """Counts texts in Redis."""

    def __init__(self, uri: str, metrics: Metrics) -> None:
        """`uri` is one that `bentos.settings` has checked. Nothing is connected yet."""
        from limits.aio.strategies import FixedWindowRateLimiter

        self._storage = _storage(uri)
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._breaker = CircuitBreaker("the Redis of the rate limits")
        self.metrics = metrics
        self._may_complain = Throttle(COMPLAIN_EVERY)

    @property
    def problem(self) -> str:
        """Why each worker counts for itself; empty while the counters are shared."""
        reason = self._breaker.reason
        return f"rate limits are counted by each worker alone: {reason}" if reason else ""

    async def take(self, limits: Sequence["RateLimitItem"], caller: str, texts: int) -> list[Reached]:
        """Count the texts; or return those of the limits that leave no room for them.

        `limits` have the shortest window first. Raises StoreError.
        """
        try:
            if self._breaker.is_open:
                raise StoreError(self._breaker.reason)
            return await self._breaker.call("count", _within(WAIT, self._take(limits, caller, texts)))
        except StoreError as error:
            self.metrics.rate_limit_fallbacks.inc()
            if self._may_complain():
                logger.warning("a call was counted by this worker alone: %s", error)
            raise

    async def start(self) -> None:
        """Connect, so that a Redis that is there counts from the first call on."""
        await self._probe(START_WAIT)

    async def run(self) -> None:
        """The task in the background."""
        while True:
            await asyncio.sleep(PROBE_EVERY)
            if self._breaker.is_open:
                await self._probe(WAIT)

    async def close(self) -> None:
        await self._storage.bridge.get_connection().aclose()

    async def _take(self, limits: Sequence["RateLimitItem"], caller: str, texts: int) -> list[Reached]:
        """One request a limit for a single text: that a refused one is counted changes nothing in a full window.

        A list that does not fit leaves its room to smaller calls, so a request before it looks whether it fits. Of the
        lists of one caller that arrive together, one may be counted and refused; none is answered beyond the limit.
        """
        if texts > 1 and (reached := await self._reached(limits, caller, texts)):
            return reached
        for limit in limits:
            if not await self._limiter.hit(limit, caller, cost=texts):
                return await self._reached(limits, caller, texts) or [Reached(limit, time.time())]
        return []

    async def _reached(self, limits: Sequence["RateLimitItem"], caller: str, texts: int) -> list[Reached]:
        full = [limit for limit in limits if not await self._limiter.test(limit, caller, cost=texts)]
        return [Reached(limit, (await self._limiter.get_window_stats(limit, caller)).reset_time) for limit in full]

    async def _probe(self, seconds: float) -> None:
        """A write: a replica that may only be read answers everything else."""
        try:
            await _within(seconds, self._storage.incr(PROBE, 1))
        except StoreError as error:
            self._breaker.open(str(error))
        else:
            self._breaker.close()


def _storage(uri: str) -> "Storage":
    from limits.aio.storage import RedisStorage
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    address = uri.replace("redis+unix:", "unix:", 1)
    options: dict[str, Any] = {"max_connections": CONNECTIONS, "timeout": WAIT}
    options["retry"] = Retry(NoBackoff(), 1)  # at once: Redis may have closed a connection that was long idle
    pool = BlockingConnectionPool.from_url(address, **options)
    return RedisStorage(f"async+{uri}", True, implementation="redispy", key_prefix=PREFIX, connection_pool=pool)


async def _within(seconds: float, request: Awaitable[T]) -> T:
    """Raises StoreError for a request that fails or takes longer."""
    from limits.errors import StorageError

    try:
        async with asyncio.timeout(seconds):
            return await request
    except TimeoutError as error:
        raise StoreError(f"it does not answer within {seconds} s") from error
    except (StorageError, OSError) as error:
        raise StoreError(str(error) or repr(error)) from error
