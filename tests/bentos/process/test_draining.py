"""When a worker that ends has answered what there was to answer."""

import asyncio
import time

import pytest

from bentos.http.context import InFlight
from bentos.process.draining import IDLE_SECONDS, _wait_until_idle

pytestmark = pytest.mark.anyio


async def test_a_worker_that_nobody_calls_waits_for_nobody():
    started = time.monotonic()
    await _wait_until_idle(InFlight(), 60)
    assert time.monotonic() - started < IDLE_SECONDS


async def test_a_request_under_way_is_waited_for_and_so_is_the_next():
    in_flight = InFlight()
    in_flight.begin()
    waiting = asyncio.create_task(_wait_until_idle(in_flight, 60))
    await asyncio.sleep(2 * IDLE_SECONDS)
    assert not waiting.done()
    in_flight.end()
    ended = time.monotonic()
    await waiting
    assert time.monotonic() - ended >= 0.9 * IDLE_SECONDS


async def test_a_client_that_never_stops_is_left_after_the_limit():
    in_flight = InFlight()
    in_flight.begin()
    async with asyncio.timeout(20):
        await _wait_until_idle(in_flight, 0.1)
    assert in_flight.count == 1
