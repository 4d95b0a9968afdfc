"""What the tests of following need: a registry that changes under a service, and callers that never stop asking."""

import itertools
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.nginx import Nginx
from tests.server import PATIENCE, Server, client
from tests.toy import probability


def wait_until(done: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `done` returns, once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
    return found


def said(server: Server, path: str) -> dict[str, Any]:
    return httpx.get(server.url + path, timeout=PATIENCE).json()


def default(server: Server) -> str | None:
    return said(server, "/versions")["default"]


def served(server: Server) -> set[str]:
    return {row["model_version"] for row in said(server, "/versions")["versions"]}


def metric(server: Server, sample: str) -> float:
    """A sample's value, 0 before it is first counted."""
    lines = httpx.get(f"{server.url}/metrics", timeout=PATIENCE).text.splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)


class Callers:
    """Threads that ask for as long as a `with` lasts; every answer and failure is kept."""

    def __init__(self, server: Server | Nginx, many: int = 3, pause: float = 0.0) -> None:
        self.url = server.url
        self.pause = pause  # seconds between an answer and the next question
        self.answers: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(f"127.0.1.{n + 1}",)) for n in range(many)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, address: str) -> None:
        with client(self.url, address) as calling:
            for i in itertools.count():
                if self._over.wait(self.pause):
                    return
                text = f"{('free', 'lunch', 'win cash')[i % 3]} {address} {i}"
                try:
                    response = calling.post("/prediction", json={"text": text})
                except httpx.TransportError as error:
                    self.failures.append(repr(error))
                    continue
                if response.status_code == 200:
                    self.answers.append((text, response.json()))
                else:
                    self.failures.append(response.text)

    def wrong(self, biases: dict[str, float]) -> list[tuple[str, dict[str, Any]]]:
        """The answers that the version that they name would not give."""
        return [
            (text, answer)
            for text, answer in self.answers
            if not math.isclose(
                answer["prediction"]["spam"], probability(text, biases[answer["model_version"]]), abs_tol=1e-5
            )
        ]


def family(pid: int) -> set[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = {pid}
    for task in children.parents[1].glob("*/children"):
        for child in task.read_text().split():
            found |= family(int(child))
    return found


def running(pids: set[int]) -> set[int]:
    """Those that have not ended; a zombie has."""
    return {pid for pid in pids if _state(pid) not in ("", "Z")}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def follower_of(server: Server) -> int | None:
    """The process that follows the registry for a server."""
    for pid in running(family(server.process.pid)):
        if b"bentos.versions.following.process" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return None
