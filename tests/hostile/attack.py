"""What the tests of an adversary share: what others notice of an attack, in seconds and megabytes."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.cassandra.ring import resident_mb
from tests.server import Server, client
from tests.system.tools import wait_until

CALL_EVERY = 0.05  # seconds between an answer to the caller beside the attack and its next call
LONGEST_WAIT = 10.0  # seconds that it may wait: a busy machine's share, and less than any of these attacks once cost
MOST_MEMORY = 200  # MB that a worker may take in addition while it is attacked


class SideCaller:
    """Somebody who sends one new short text after the other while a `with` lasts."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        (self.worker,) = server.workers()
        self.memory_before = self.most_memory = resident_mb(self.worker)
        self.waits: list[float] = []
        self.failures: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def __enter__(self) -> "SideCaller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Wait until so many more calls are answered."""
        before = len(self.waits)
        wait_until(lambda: len(self.waits) >= before + count)

    def _call(self) -> None:
        with client(self.url, "127.2.0.1") as calling:
            for i in itertools.count():
                started = time.monotonic()
                try:
                    calling.get("/prediction", params={"text": f"see you at {i} {started}"}).raise_for_status()
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                self.waits.append(time.monotonic() - started)
                self.most_memory = max(self.most_memory, resident_mb(self.worker))
                if self._over.wait(CALL_EVERY):
                    return


@contextmanager
def others_served(server: Server, seconds: float = LONGEST_WAIT, megabytes: int = MOST_MEMORY) -> Iterator[SideCaller]:
    """Afterwards it is asserted that another caller was always answered in time, and that memory was bounded."""
    with SideCaller(server) as side:
        yield side
    assert side.failures == []
    assert max(side.waits) < seconds, f"another caller waited {max(side.waits):.1f} s"
    assert side.most_memory - side.memory_before < megabytes, f"{side.memory_before} MB became {side.most_memory}"
