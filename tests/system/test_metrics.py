"""The figures of a service with several worker processes."""

import os
import signal
import time

import httpx
import pytest

from tests.server import PATIENCE, Server

pytestmark = pytest.mark.slow

CALLS = 'spam_requests_total{route="/prediction",status="200"}'
TWO = {"BENTOML_CONFIG_OPTIONS": 'services."sms-spam".workers=2'}


def ask(server: Server, path: str, **params: str) -> str:
    """The answer on a connection of its own: any worker may get it."""
    return httpx.get(server.url + path, params=params, timeout=PATIENCE).raise_for_status().text


def counted(server: Server) -> float:
    return next(float(line.split()[-1]) for line in ask(server, "/metrics").splitlines() if line.startswith(CALLS))


def test_any_worker_tells_the_figures_of_all_and_one_that_is_started_again_counts_on(tmp_path):
    with Server(tmp_path, MOCK_MODEL="1", TMPDIR=str(tmp_path), **TWO) as server:
        for i in range(20):
            ask(server, "/prediction", text=f"text {i}")
        assert {counted(server) for _ in range(10)} == {20}
        first, second = server.workers()
        for worker in (first, second):
            os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while len(again := set(server.workers()) - {first, second}) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(again) == 2 and counted(server) == 20
        ask(server, "/prediction", text="one more")
        assert {counted(server) for _ in range(10)} == {21}
    assert not list(tmp_path.glob("sms-spam-*")), "the folder of the figures is left behind"
