"""Group commit: many requests share one wait for the disk or the network."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

GROUP = 512  # items written at once


class GroupCommit(Generic[T]):
    """Writes items in groups: those that arrive while a write is under way form the next group.

    `write` writes one group, as a whole or not at all; up to `parallel` groups are under way at once. Belongs to the
    event loop that it is used on.
    """

    def __init__(self, write: Callable[[list[T]], Awaitable[None]], parallel: int = 1) -> None:
        self._write = write
        self._parallel = parallel
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._writes: set[asyncio.Task[None]] = set()

    async def add(self, item: T) -> None:
        """Return once the item's group is written; raise what its write raised.

        An item is written even when the request that waits here is cancelled.
        """
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if len(self._waiting) == 1 and len(self._writes) < self._parallel:
            self._begin()
        await written

    async def close(self) -> None:
        """Wait until everything that was added is written, or has failed."""
        while self._writes:
            await asyncio.wait(self._writes)

    def _begin(self) -> None:
        """Write the next group from the loop's next turn on: what is added in this one joins it."""
        self._writes.add(write := asyncio.ensure_future(self._write_next()))
        write.add_done_callback(self._writes.discard)

    async def _write_next(self) -> None:
        """Write a group, begin the one after it, and wake the requests that wait for this one."""
        group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
        if self._waiting and len(self._writes) < self._parallel:
            self._begin()
        error: BaseException | None = None
        try:
            if group:
                await self._write([item for item, _ in group])
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
        self._writes.discard(asyncio.current_task())
        if self._waiting:
            self._begin()
        for _, written in group:
            if written.done():  # the request was cancelled
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
