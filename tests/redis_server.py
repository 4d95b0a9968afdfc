"""A real Redis for tests, on a free port of loopback, without a file; ended with the `with`."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.server import PATIENCE, free_port

PASSWORD = "hunter2"


class Redis:
    """It forgets everything when it ends."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE).close()
                return
            except OSError:
                time.sleep(0.01)
        self.kill()
        raise RuntimeError("no Redis")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def pause(self) -> None:
        """Connections stay open and nothing answers from the moment this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)


def need_redis() -> None:
    """Skip where there is none, and say so; with CI=true that is a failure."""
    if shutil.which("redis-server"):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("CI must run the tests with Redis, which is not installed")
    pytest.skip("NO REDIS TESTS: redis-server is not installed")
