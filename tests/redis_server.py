"""A real Redis for tests, on a free port of loopback, without a file; ended with the `with`."""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from tests.cassandra.certificates import Authority
from tests.server import PATIENCE, free_port

PASSWORD = "hunter2"


class Redis:
    """It asks for a password, speaks TLS only where an authority signs for it, and forgets everything when it ends."""

    def __init__(self, authority: Authority | None = None) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self._options = ["--port", str(self.port)]
        if authority:
            both = str(authority.issue("redis").both)
            self.url = f"rediss://:{PASSWORD}@127.0.0.1:{self.port}/0?ssl_ca_certs={authority.certificate}"
            self._options = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            self._options += ["--tls-cert-file", both, "--tls-key-file", both]
            self._options += ["--tls-ca-cert-file", str(authority.certificate)]

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        options = [*self._options, "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
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
