"""Runs models off the event loop: a few threads, small pieces of work, and a bound on what waits.

A job is cut into pieces of about 25 ms. Pieces of different jobs take turns, so a long list does not make a short one
wait for its end. A job stops between two pieces when its deadline passes or its caller has gone. The process can end as
soon as the running pieces have: a Python thread cannot be stopped before. An explanation runs the model on up to 65
texts. At most TURNS of them run at once, or a few callers would fill the queue.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from bentos.errors import CallError

THREADS = 2
TURNS = 2  # explanations at once: they can use all threads while nobody else wants them
PIECE_TEXTS, PIECE_CHARACTERS = 64, 10_000
MAX_WAITING_CHARACTERS = 4_000_000  # of all jobs together: about ten seconds of work

T = TypeVar("T")
IsGone = Callable[[], Awaitable[bool]]


class ModelPool:
    """Belongs to one event loop. `timeout` is the seconds that a job may take."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._threads = ThreadPoolExecutor(THREADS, "model")
        self._waiting_characters = 0
        self._turns = asyncio.Semaphore(TURNS)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one of the turns of explanations, and have it during the block. Raises CallError (timed_out)."""
        try:
            async with asyncio.timeout(self.timeout):
                await self._turns.acquire()
        except TimeoutError:
            detail = f"too many explanations were asked for: none could begin within {self.timeout:g} seconds, retry"
            raise CallError("timed_out", detail, retry_after=1) from None
        try:
            yield
        finally:
            self._turns.release()

    async def run(
        self, function: Callable[[list[str]], Sequence[T]], texts: Sequence[str], is_gone: IsGone | None = None
    ) -> list[T]:
        """`function` of the texts, which it gets in pieces; the results are in the texts' order.

        Raises CallError: overloaded, timed_out, caller_gone.
        """
        characters = sum(map(len, texts))
        if self._waiting_characters and self._waiting_characters + characters > MAX_WAITING_CHARACTERS:
            raise CallError("overloaded", "too much text waits for the model: retry", retry_after=1)
        self._waiting_characters += characters
        try:
            async with asyncio.timeout(self.timeout):
                return await self._run_pieces(function, texts, is_gone)
        except TimeoutError:
            detail = f"the model did not finish within {self.timeout:g} seconds: send less text at once, or retry"
            raise CallError("timed_out", detail, retry_after=1) from None
        finally:
            self._waiting_characters -= characters

    async def _run_pieces(
        self, function: Callable[[list[str]], Sequence[T]], texts: Sequence[str], is_gone: IsGone | None
    ) -> list[T]:
        loop = asyncio.get_running_loop()
        results: list[T | None] = [None] * len(texts)
        for piece in _pieces(texts):
            if is_gone and await is_gone():
                raise CallError("caller_gone", "the caller closed the connection")
            values = await loop.run_in_executor(self._threads, function, [texts[i] for i in piece])
            for i, value in zip(piece, values, strict=True):
                results[i] = value
        return results

    def close(self) -> None:
        """Drop what has not begun; what is running ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _pieces(texts: Sequence[str]) -> Iterator[list[int]]:
    """The positions of the texts, shortest first, in pieces within the bounds: alike lengths need little padding."""
    piece: list[int] = []
    characters = 0
    for i in sorted(range(len(texts)), key=lambda i: len(texts[i])):
        if piece and (len(piece) == PIECE_TEXTS or characters + len(texts[i]) > PIECE_CHARACTERS):
            yield piece
            piece, characters = [], 0
        piece.append(i)
        characters += len(texts[i])
    if piece:
        yield piece
