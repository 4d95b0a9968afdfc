"""A program that answers texts over HTTP: how it is started and asked, and what it takes to start and to run."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.server import ROOT, free_port
from tests.system.tools import process_tree, processor_seconds, running

BIN = Path(sys.executable).parent
START_LIMIT = 120.0  # seconds until the first answer
STOP_LIMIT = 20.0  # seconds that it may take to end
LOOK_EVERY = 0.01  # seconds between two tries for the first answer


class PeerError(Exception):
    """The program cannot be measured here; the message says why, in a sentence."""


class Request(NamedTuple):
    """A POST; `body` is JSON."""

    path: str
    body: str


class Command(NamedTuple):
    """The words that start a program, its environment variables beside PATH and HOME, and where it starts."""

    words: Sequence[str | Path]
    environment: Mapping[str, str] = MappingProxyType({})
    cwd: Path = ROOT


@dataclass(frozen=True)
class Peer:
    """`command` says how to start it, in a folder of its own, on a port.

    `many` is None where it takes one text at a time; `slow` where it answers so few requests a second that only some
    rows are measured.
    """

    name: str
    table: str
    command: Callable[[Path, int], Command]
    one: Callable[[str], Request]
    many: Callable[[Sequence[str]], Request] | None = None
    caches: bool = False
    slow: bool = False


class Memory(NamedTuple):
    """Of all processes together, in MB: resident pages, and with each shared page counted once among its users."""

    rss: float
    pss: float


class Served:
    """The peer while a `with` lasts; `seconds` passed from the start to its first answer.

    Raises PeerError when it ends before that, answers with an error, or takes too long.
    """

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer, self.port = peer, free_port()
        self._log = folder / "output.log"
        command = peer.command(folder, self.port)
        environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), **command.environment}
        self._started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command.words, cwd=command.cwd, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def __enter__(self) -> "Served":
        try:
            self.seconds = self._first_answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Ask the whole tree to end, and kill what does not."""
        pids = process_tree(self._process.pid)
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_LIMIT)
        for pid in running(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def memory(self) -> Memory:
        """What its processes have now. Raises PeerError when it has ended."""
        if self._process.poll() is not None:
            raise PeerError(f"it ended under load: {self._last_line()}")
        totals = {"Rss": 0, "Pss": 0}
        for pid in running(process_tree(self._process.pid)):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in totals:
                    totals[name] += int(value.split()[0])
        return Memory(totals["Rss"] / 1024, totals["Pss"] / 1024)

    def processor(self) -> float:
        """Seconds of the processors that the running processes have used, each since its start."""
        pids = running(process_tree(self._process.pid))
        return sum(processor_seconds(Path(f"/proc/{pid}/stat").read_text()) for pid in pids)

    def ask(self, request: Request) -> tuple[int, bytes]:
        """The status and the body of one answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_LIMIT)
        try:
            connection.request("POST", request.path, request.body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait_for(self, request: Request) -> tuple[int, bytes]:
        """The answer, once it is not 404 any more: a version is loaded while others answer already."""
        deadline = time.monotonic() + START_LIMIT
        while (answer := self.ask(request))[0] == 404 and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        return answer

    def _first_answer(self) -> float:
        status, body = 0, b""
        while time.monotonic() - self._started < START_LIMIT:
            with suppress(OSError, http.client.HTTPException):
                status, body = self.ask(self.peer.one("WINNER!! Claim your free prize"))
                if status == 200:
                    return time.monotonic() - self._started
            if self._process.poll() is not None:
                raise PeerError(f"it ended at once: {self._last_line()}")
            time.sleep(LOOK_EVERY)
        told = f"status {status}: {body[:200].decode(errors='replace')}" if status else self._last_line()
        raise PeerError(f"no answer within {START_LIMIT:.0f} s ({told})")

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "no output")
