"""What the tests of running services share: waiting, looking at a service from outside, and callers that never stop."""

import functools
import itertools
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.nginx import Nginx
from tests.server import PATIENCE, Server, client
from tests.toy import probability

_addresses = (f"127.1.{n // 250}.{n % 250 + 1}" for n in itertools.count())


def new_address() -> str:
    """A loopback address that no test has called from: its log is empty."""
    return next(_addresses)


def in_one_hour(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test once more that failed while a new hour began: /recent_log shows the calls of one hour.

    The test calls from a new address each time it runs.
    """

    @functools.wraps(test)
    def run(*arguments: Any, **fixtures: Any) -> None:
        hour = _hour()
        try:
            test(*arguments, **fixtures)
        except (AssertionError, pytest.fail.Exception):
            if _hour() == hour:
                raise
            test(*arguments, **fixtures)

    return run


def _hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until the condition is true; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not true after {seconds:.0f} s"
        time.sleep(0.05)
    return value


def get_json(server: Server, path: str) -> dict[str, Any]:
    return server.get(path).json()


def default_version(server: Server) -> str | None:
    return get_json(server, "/versions")["default"]


def served_versions(server: Server) -> set[str]:
    return {row["model_version"] for row in get_json(server, "/versions")["versions"]}


def metric(server: Server, sample: str) -> float:
    """A sample's value, 0 before it is first counted."""
    lines = server.get("/metrics").text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)


class Threads:
    """A thread for each of `arguments`, which runs `_call` with it while a `with` lasts, until `_over` is set."""

    def __init__(self, arguments: Sequence[Any]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(argument,)) for argument in arguments]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


class Callers(Threads):
    """Threads that send one text after the other for as long as a `with` lasts, each from an address of its own.

    `sent` are the ids of the requests that were begun, each the caller's address and a number; `answers` are pairs of a
    text and the answer to it; `failures` are all other outcomes, each behind its request's id.
    """

    def __init__(self, server: Server | Nginx, many: int = 3, pause: float = 0.0) -> None:
        self.url = server.url
        self.pause = pause  # seconds between an answer and the next call
        self.sent: list[str] = []
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []
        super().__init__([new_address() for _ in range(many)])

    def _call(self, address: str) -> None:
        with client(self.url, address) as calling:
            for i in itertools.count():
                if self._over.wait(self.pause):
                    return
                text = f"{('free', 'lunch', 'win cash')[i % 3]} {address} {i}"
                request = f"{address}-{i}"
                self.sent.append(request)
                try:
                    response = calling.post("/prediction", json={"text": text}, headers={"X-Request-ID": request})
                except httpx.TransportError as error:
                    self.failures.append(f"{request} {error!r}")
                    continue
                if response.status_code == 200:
                    self.answers.append((text, response.json()))
                else:
                    self.failures.append(f"{request} {response.text}")

    def wait_for(self, count: int) -> None:
        """Wait until so many more calls are answered."""
        before = len(self.answers)
        wait_until(lambda: len(self.answers) >= before + count)

    def wrong(self, biases: dict[str, float]) -> list[tuple[str, dict[str, Any]]]:
        """The answers that the toy version they name, with its bias in `biases`, would not give."""
        return [
            (text, answer)
            for text, answer in self.answers
            if not math.isclose(
                answer["prediction"]["spam"], probability(text, biases[answer["model_version"]]), abs_tol=1e-5
            )
        ]


def process_tree(pid: int) -> set[int]:
    """A process and all that descend from it."""
    pids = {pid}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            pids |= process_tree(int(child))
    return pids


def processor_seconds(stat: str) -> float:
    """What a process or a thread has used of the processors, from its file `stat` in /proc."""
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def running(pids: set[int]) -> set[int]:
    """Those that have not ended; a zombie has."""
    return {pid for pid in pids if _state(pid) not in ("", "Z")}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def follower_of(server: Server) -> int | None:
    """The process that follows the registry for a service."""
    for pid in running(process_tree(server.process.pid)):
        if b"bentos.versions.following.process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None
