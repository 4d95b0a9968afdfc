"""A real `bentoml serve` for tests: started on a free port, waited for, and ended."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from bentos.client import Client

ROOT = Path(__file__).parents[1]
BENTOML = Path(sys.executable).with_name("bentoml")
PATIENCE = 180.0  # seconds, for a busy machine


class Server:
    """`bentoml serve [TAG]` with nothing of this environment's settings; stopped at the end of a `with`."""

    def __init__(
        self,
        folder: Path,
        tag: str = ".",
        cwd: Path = ROOT,
        port: int | None = None,
        files: int | None = None,
        within: Sequence[str] = (),
        **settings: str,
    ) -> None:
        """`within` are the words of a command that runs the command behind it in its own process."""
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "BENTOML_HOME": str(folder / "bentoml")}
        defaults = {"PORT": str(self.port), "SQLITE_PATH": str(folder / "spam.db")}
        defaults |= {"VERSIONS_PATH": str(folder / "versions")}
        limit = ["prlimit", f"--nofile={files}"] if files else []  # that each process may have open
        command = [*limit, *within, BENTOML, "serve", tag]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=environment | defaults | settings, stdout=log, stderr=log
            )

    def __enter__(self) -> "Server":
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.get("/livez")
                return self
            except httpx.TransportError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"no service: {self.log.read_text()[-3_000:]}")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self, address: str | None = None) -> httpx.Client:
        return client(self.url, address)

    def spam(self, address: str | None = None) -> Client:
        """The project's own client."""
        return Client(self.url, timeout=PATIENCE, transport=_transport(address))

    def get(self, path: str, address: str | None = None, **options: Any) -> httpx.Response:
        """The answer on a connection of its own, which any worker may give."""
        with self.client(address) as calling:
            return calling.get(path, **options)

    def workers(self) -> list[int]:
        """The processes that answer, children of the supervisor."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"_bentoml_impl" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self) -> int:
        """End it as a supervisor does, with SIGTERM; return its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it as a power cut does, supervisor first so that nothing is restarted."""
        workers = self.workers()
        self.process.kill()
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        self.process.wait(PATIENCE)


def client(url: str, address: str | None = None, **headers: str) -> httpx.Client:
    """A client that calls from `address`, one of 127.0.0.0/8."""
    return httpx.Client(base_url=url, transport=_transport(address), headers=headers, timeout=PATIENCE)


def _transport(address: str | None) -> httpx.HTTPTransport:
    """Plain HTTP: reading certificates takes 20 ms a client."""
    return httpx.HTTPTransport(verify=False, local_address=address)


def free_port() -> int:
    """Below the range that outgoing connections take theirs from: no other process of the run can take it meanwhile."""
    for port in random.SystemRandom().sample(range(10_000, 20_000), 100):
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port found")
