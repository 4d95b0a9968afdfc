"""A circuit breaker: requests are not sent to a database that does not answer."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable
from typing import TypeVar

from bentos.store import StoreError

T = TypeVar("T")

FAILURES = 3  # of one operation, in a row, that open the circuit

logger = logging.getLogger(__name__)


class CircuitBreaker:
    """Counts the failures in a row of each operation on a database, and says whether to ask it.

    | state | `reason` | what happens |
    | --- | --- | --- |
    | closed | None | requests pass; FAILURES of one operation in a row open the circuit |
    | open | why | its user sends no request, but a probe from time to time, and calls `close` when one succeeds |

    It begins open, since nothing is connected yet.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.reason: str | None = "not connected yet"
        self._failures: Counter[str] = Counter()
        self._last_failure: dict[str, float] = {}  # operation -> when a failure was last counted

    @property
    def is_open(self) -> bool:
        return self.reason is not None

    @property
    def suspect(self) -> bool:
        """Whether any operation failed when it was last tried."""
        return self._failures.total() > 0

    def failures(self, operation: str) -> int:
        """How many times the operation failed in a row."""
        return self._failures[operation]

    async def call(self, operation: str, request: Awaitable[T]) -> T:
        """Await the request, and count whether it failed. Failures of requests that ran side by side count as one."""
        started = time.monotonic()
        try:
            result = await request
        except StoreError as error:
            if started >= self._last_failure.get(operation, started):
                self._last_failure[operation] = time.monotonic()
                self._failures[operation] += 1
            if self._failures[operation] >= FAILURES:
                self.open(str(error))
            raise
        self.reset(operation)
        return result

    def reset(self, operation: str) -> None:
        del self._failures[operation]

    def open(self, reason: str) -> None:
        if self.reason != reason:
            logger.warning("%s is away: %s", self.name, reason)
        self.reason = reason

    def close(self) -> None:
        if self.is_open:
            logger.info("%s answers", self.name)
        self.reason = None
        self._failures.clear()
