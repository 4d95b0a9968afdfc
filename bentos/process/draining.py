"""How a worker ends without leaving a request unanswered.

On SIGTERM a worker continues to answer and is no longer ready, so that load balancers send new calls elsewhere; it asks
clients to close their connections (`bentos.http.middleware.in_flight`). It ends once no requests arrive any more. A
server that closed its connections at once would drop the request that is arriving at that moment.
"""

import asyncio
import signal
import time

import uvicorn

from bentos.http.context import InFlight

GRACE_SECONDS = 2  # for connected clients after the port is closed, and again for the answers still under way then
IDLE_SECONDS = 0.25  # without a request, after which no client is taken to be calling
LOOK_EVERY = 0.05  # seconds between two looks at the requests in flight


async def drain_on_sigterm(server: uvicorn.Server, in_flight: InFlight, seconds: float) -> None:
    """From now on SIGTERM waits until no requests arrive, for `seconds` at most, before it ends uvicorn's server.

    Then the port is closed: new clients reach the other workers, and those connected get their last answers. A client
    that neither sends nor reads is dropped after GRACE_SECONDS more.
    """
    loop, asked_to_end = asyncio.get_running_loop(), asyncio.Event()
    server.config.timeout_graceful_shutdown = GRACE_SECONDS  # uvicorn's default is to wait for ever
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(asked_to_end.set))
    await asked_to_end.wait()
    in_flight.draining = True
    await _wait_until_idle(in_flight, seconds)
    for listener in server.servers:
        listener.close()
    await _wait_until_idle(in_flight, GRACE_SECONDS)
    server.handle_exit(signal.SIGTERM, None)


async def _wait_until_idle(in_flight: InFlight, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while in_flight.idle_seconds() < IDLE_SECONDS and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
