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
        self._writes: set[asyncio.Future[None]] = set()

    async def add(self, item: T) -> None:
        """Return once the item's group is written; raise what its write raised.

        An item is written even when the request that waits here is cancelled.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting and len(self._writes) < self._parallel:
            loop.call_soon(self._start)  # in the loop's next turn: what is added in this one joins the group
        written = loop.create_future()
        self._waiting.append((item, written))
        await written

    async def close(self) -> None:
        """Wait until everything that was added is written, or has failed."""
        self._start()
        while self._writes:
            await asyncio.wait(self._writes)

    def _start(self) -> None:
        """Begin as many groups as may be under way."""
        while self._waiting and len(self._writes) < self._parallel:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            self._writes.add(write := asyncio.ensure_future(self._write([item for item, _ in group])))
            write.add_done_callback(lambda write, group=group: self._finish(write, group))

    def _finish(self, write: asyncio.Future[None], group: list[tuple[T, asyncio.Future[None]]]) -> None:
        """Begin the next group, then wake the requests that wait for this one."""
        self._writes.discard(write)
        self._start()
        error = asyncio.CancelledError() if write.cancelled() else write.exception()
        for _, written in group:
            if written.done():  # the request was cancelled
                continue
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)
