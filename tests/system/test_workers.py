"""Several worker processes behind one port: they agree, are replaced without a lost call, and none is left behind."""

import os
import shutil
import signal
import socket
from pathlib import Path

import httpx
import pytest

from registry.versions import Registry
from tests.server import PATIENCE, Server
from tests.system.following import Callers, default, family, running, said, wait_until
from tests.toyregistry import MODEL_NAME

pytestmark = pytest.mark.slow


@pytest.fixture
def models(tmp_path, registry) -> Registry:
    """A registry of the test's own."""
    shutil.copy(registry.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return Registry(MODEL_NAME, f"sqlite:///{tmp_path / 'mlflow.db'}")


def start(folder: Path, **settings: str) -> Server:
    return Server(folder, **{"WORKERS": "2", "POLL_INTERVAL": "0.5"} | settings)


def test_every_worker_takes_up_a_promotion_and_new_ones_replace_the_old_without_a_failed_call(tmp_path, models):
    with start(tmp_path, MLFLOW_TRACKING_URI=models.tracking_uri) as server:
        first = wait_until(lambda: server.workers() if len(server.workers()) == 2 else None)
        with Callers(server) as callers:
            models.client.set_registered_model_alias(MODEL_NAME, "champion", "2")
            wait_until(lambda: {default(server) for _ in range(20)} == {"2"})  # each over a connection of its own
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: len(server.workers()) == 2 and not set(first) & set(server.workers()))
            seen = len(callers.answers)
            wait_until(lambda: len(callers.answers) > seen + 20)
        assert callers.failures == []
        assert callers.wrong({"1": -1.0, "2": -4.0}) == []
        assert "Traceback" not in server.log.read_text()


def test_a_worker_that_leaves_answers_until_nobody_asks_and_is_not_ready(tmp_path):
    with start(tmp_path, MOCK_MODEL="1", WORKERS="1", DRAIN_SECONDS="600") as server, Callers(server) as callers:
        wait_until(lambda: len(callers.answers) > 20)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        ready = wait_until(lambda: _unready(server))
        assert ready.headers["Connection"] == "close" and "ending" in ready.json()["detail"]
        seen = len(callers.answers)
        wait_until(lambda: len(callers.answers) > seen + 20)
        assert callers.failures == []


def _unready(server: Server) -> httpx.Response | None:
    response = httpx.get(f"{server.url}/readyz", timeout=PATIENCE)
    return response if response.status_code == 503 else None


def test_a_client_that_stalls_keeps_no_worker_from_ending(tmp_path):
    settings = {"MOCK_MODEL": "1", "WORKERS": "1", "DRAIN_SECONDS": "0"}
    with start(tmp_path, **settings) as server, socket.create_connection(("127.0.0.1", server.port)) as stalling:
        stalling.sendall(b"POST /prediction HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n")
        wait_until(lambda: httpx.get(f"{server.url}/livez", timeout=PATIENCE).is_success)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        wait_until(lambda: not running({worker}))


def test_a_reload_to_settings_that_cannot_be_used_changes_nothing(tmp_path):
    (tmp_path / ".env").write_text("MOCK_MODEL=1\n")
    with start(tmp_path, BENTOS_HOME=str(tmp_path)) as server:
        wait_until(lambda: len(server.workers()) == 2)
        workers = server.workers()
        (tmp_path / ".env").write_text("MOCK_MODEL=1\nRATE_LIMIT=often\n")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded" in server.log.read_text())
        assert server.workers() == workers and said(server, "/readyz") == {"status": "ready"}


def test_a_service_that_is_told_to_end_during_a_reload_ends(tmp_path):
    with start(tmp_path, MOCK_MODEL="1", WORKERS="1") as server:
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.workers() != before)
        assert server.stop() == 0


def test_workers_do_not_outlive_their_supervisor(tmp_path):
    with start(tmp_path, MOCK_MODEL="1") as server:
        wait_until(lambda: len(server.workers()) == 2)
        pids = family(server.process.pid)
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not running(pids))
