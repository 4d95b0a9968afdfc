"""Long work: in pieces, in turns, bounded, and stopped when nobody waits for it."""

import asyncio
import threading

import pytest

from bentos.answering import model_pool
from bentos.answering.model_pool import PIECE_TEXTS, ModelPool
from bentos.errors import CallError

pytestmark = pytest.mark.anyio


class Work:
    """A function that notes its pieces, and may wait in each for `gate`."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.pieces: list[list[str]] = []
        self.gate = gate
        self.started = threading.Event()

    def __call__(self, texts):
        self.pieces.append(texts)
        self.started.set()
        if self.gate:
            self.gate.wait(20)
        return [text.upper() for text in texts]


async def test_results_are_in_the_texts_order_whatever_their_lengths(pool):
    texts = [f"{'x' * (i * 37 % 500)} {i}" for i in range(300)]
    work = Work()
    assert await pool.run(work, texts) == [text.upper() for text in texts]
    assert all(len(piece) <= PIECE_TEXTS and sum(map(len, piece)) <= 10_500 for piece in work.pieces)
    assert await pool.run(work, []) == []


async def test_a_short_job_is_done_before_a_long_one_that_came_first(pool):
    long = asyncio.create_task(pool.run(Work(), ["x" * 9_000] * 2_00))
    await asyncio.sleep(0)
    short = Work()
    assert await pool.run(short, ["a"]) == ["A"]
    assert not long.done()
    await long


async def test_a_job_stops_when_its_caller_has_gone(pool):
    work, gone = Work(), False

    async def is_gone():
        return len(work.pieces) == 3 or gone

    with pytest.raises(CallError, match="closed the connection"):
        await pool.run(work, ["x" * 9_000] * 50, is_gone)
    assert len(work.pieces) == 3


async def test_a_job_that_is_cancelled_begins_no_other_piece(pool):
    gate = threading.Event()
    work = Work(gate)
    job = asyncio.create_task(pool.run(work, ["x" * 9_000] * 50))
    await asyncio.to_thread(work.started.wait, 20)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    gate.set()
    assert await pool.run(Work(), ["a"]) == ["A"] and len(work.pieces) == 1


async def test_a_job_that_takes_too_long_is_told_so_and_the_next_is_answered():
    gate = threading.Event()
    pool = ModelPool(timeout=0.1)
    with pytest.raises(CallError, match="did not finish within") as caught:
        await pool.run(Work(gate), ["x"])
    gate.set()
    assert (caught.value.reason, caught.value.retry_after) == ("timed_out", 1)
    assert await pool.run(Work(), ["a"]) == ["A"]
    pool.close()


async def test_what_waits_is_bounded_and_what_is_refused_leaves_no_trace(pool, monkeypatch):
    monkeypatch.setattr(model_pool, "MAX_WAITING_CHARACTERS", 1_000)
    gate = threading.Event()
    running = asyncio.create_task(pool.run(Work(gate), ["x" * 900]))
    await asyncio.sleep(0)
    with pytest.raises(CallError) as caught:
        await pool.run(Work(), ["y" * 200])
    assert caught.value.reason == "overloaded"
    gate.set()
    await running
    assert len(await pool.run(Work(), ["y" * 5_000])) == 1, "a single job is never too large"
