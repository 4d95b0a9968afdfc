"""How a worker ends without leaving a call unanswered.

A server that closes a connection on which a request is just arriving never answers it. So a worker that is told to end
goes on answering, says with each answer that the connection closes, is not ready any more, and ends once nobody asks.
"""

import asyncio
import os
import signal
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LAST = 2  # seconds for those who are connected when nobody new is let in, and again for the answers under way then
QUIET = 0.25  # seconds without a request after which nobody is taken to be asking
LOOK = 0.05  # seconds between two looks at it
ORPHAN_LOOK = 1.0  # seconds between two looks at the supervisor


class Traffic:
    """The requests of one worker: how many are being answered, and whether it is leaving."""

    def __init__(self) -> None:
        self.leaving = False
        self.in_flight = 0
        self._last = -QUIET  # when a request was last answered

    def begin(self) -> None:
        self.in_flight += 1

    def end(self) -> None:
        self.in_flight -= 1
        self._last = time.monotonic()

    async def ebbed(self, seconds: float) -> None:
        """Wait until nobody asks, for `seconds` at most."""
        deadline = time.monotonic() + seconds
        while self._busy() and time.monotonic() < deadline:
            await asyncio.sleep(LOOK)

    def _busy(self) -> bool:
        return self.in_flight > 0 or time.monotonic() - self._last < QUIET


class Drained:
    """ASGI middleware that counts the requests, and closes the connections of a worker that is leaving."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app = app
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        self.traffic.begin()
        try:
            await self.app(scope, receive, self._closing(send) if self.traffic.leaving else send)
        finally:
            self.traffic.end()

    def _closing(self, send: Send) -> Send:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        return told


async def drain_on_sigterm(traffic: Traffic, seconds: float) -> None:
    """From now on SIGTERM lets the traffic ebb, for `seconds` at most, before it ends uvicorn's server.

    First others get the time to take over. Then nobody new is let in: who connects now waits for them, and who is
    connected already gets the last answer. A client that neither sends nor reads is left after LAST seconds more.
    """
    loop, told, end = asyncio.get_running_loop(), asyncio.Event(), signal.getsignal(signal.SIGTERM)
    server = end.__self__  # uvicorn's, whose method handles the signal; it would wait for such a client for ever
    server.config.timeout_graceful_shutdown = LAST
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(told.set))
    await told.wait()
    traffic.leaving = True
    await traffic.ebbed(seconds)
    for listener in server.servers:
        listener.close()
    await traffic.ebbed(LAST)
    end(signal.SIGTERM, None)


async def end_when_orphaned(supervisor: int) -> None:
    """End this worker once its supervisor has died: it would hold the port, and nobody could stop it."""
    while os.getppid() == supervisor:
        await asyncio.sleep(ORPHAN_LOOK)
    signal.raise_signal(signal.SIGTERM)
