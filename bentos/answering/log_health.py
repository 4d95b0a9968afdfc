"""Whether answered calls can be logged. A call that cannot be logged is refused, so without a log nothing is ready.

A worker that is not ready gets no calls, and would never learn that the log works again: so a task in the background
logs a probe while it is unhealthy.
"""

import asyncio

from bentos.store import Call, Store, StoreError, timeuuid

PROBE_EVERY = 1.0  # seconds, while unhealthy
ENOUGH_SUCCESSES = 3  # in a row, after which it is healthy again: a disk that is nearly full fails now and then
PROBE_CALLER = ":readiness"  # no caller's name has a colon first


class LogHealth:
    """Unhealthy from the first failure to log, until ENOUGH_SUCCESSES in a row."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.problem = ""  # why calls cannot be logged; empty while they can
        self._successes = 0

    def failed(self, error: StoreError) -> None:
        self.problem = str(error)
        self._successes = 0

    def succeeded(self) -> None:
        if not self.problem:
            return
        self._successes += 1
        if self._successes >= ENOUGH_SUCCESSES:
            self.problem = ""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY)
            if self.problem:
                await self.probe()

    async def probe(self) -> None:
        """Log a call of nobody, the same way as every call."""
        try:
            await self.store.log([Call(PROBE_CALLER, timeuuid.now(), "probe", "", "", False)])
        except StoreError as error:
            self.failed(error)
        else:
            self.succeeded()
