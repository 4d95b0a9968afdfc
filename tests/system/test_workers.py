"""Several worker processes behind one port: they agree, count together, drain on SIGTERM, and none is left behind."""

import os
import signal
import socket
from pathlib import Path

import httpx

from tests.server import Server
from tests.system.tools import Callers, default_version, get_json, metric, process_tree, running, wait_until
from tests.toyregistry import MODEL_NAME

CALLS = 'spam_requests_total{route="/prediction",status="200"}'
SHORT = 'spam_drift_texts{bin="0",feature="length",model_version="1"}'  # texts below 20 characters


def start(folder: Path, **settings: str) -> Server:
    return Server(folder, **{"WORKERS": "2", "POLL_INTERVAL": "0.1"} | settings)


def test_every_worker_takes_up_a_promotion_and_new_ones_know_what_the_old_knew(tmp_path, uri, models):
    with start(tmp_path, MLFLOW_TRACKING_URI=uri) as server:
        first = wait_until(lambda: server.workers() if len(server.workers()) == 2 else None)
        with Callers(server) as callers:
            models.client.set_registered_model_alias(MODEL_NAME, "champion", "2")
            wait_until(lambda: {default_version(server) for _ in range(20)} == {"2"})
            callers.wait_for(20)
        assert callers.failures == []
        assert callers.wrong({"1": -1.0, "2": -4.0}) == []
        assert "Traceback" not in server.log.read_text()

        assert {metric(server, CALLS) for _ in range(10)} == {len(callers.answers)}
        models.client.set_registered_model_alias(MODEL_NAME, "champion", "1")
        wait_until(lambda: metric(server, SHORT) > 0)  # measured for the drift of version 1
        for worker in first:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(set(server.workers()) - set(first)) == 2)
        wait_until(lambda: _answers(server))
        assert {default_version(server) for _ in range(10)} == {"1"}
        assert metric(server, CALLS) == len(callers.answers)
        assert get_json(server, "/prediction?text=free")["model_version"] == "1"
        assert {metric(server, CALLS) for _ in range(10)} == {len(callers.answers) + 1}
        wait_until(lambda: metric(server, SHORT) == 1)  # what the killed workers had measured is gone
        assert {metric(server, SHORT) for _ in range(10)} == {1}


def _answers(server: Server) -> bool:
    try:
        return server.get("/livez").is_success
    except httpx.TransportError:
        return False


def test_a_worker_that_leaves_answers_until_nobody_asks_and_is_not_ready(tmp_path):
    with start(tmp_path, MOCK_MODEL="1", WORKERS="1", DRAIN_SECONDS="600") as server, Callers(server) as callers:
        callers.wait_for(20)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        response = wait_until(lambda: _not_ready(server))
        assert response.headers["Connection"] == "close" and "ending" in response.json()["detail"]
        callers.wait_for(20)
        assert callers.failures == []


def _not_ready(server: Server) -> httpx.Response | None:
    response = server.get("/readyz")
    return response if response.status_code == 503 else None


def test_a_client_that_stalls_keeps_no_worker_from_ending(tmp_path):
    settings = {"MOCK_MODEL": "1", "WORKERS": "1", "DRAIN_SECONDS": "0"}
    with start(tmp_path, **settings) as server, socket.create_connection(("127.0.0.1", server.port)) as stalling:
        stalling.sendall(b"POST /prediction HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n")
        wait_until(lambda: server.get("/livez").is_success)
        (worker,) = server.workers()
        os.kill(worker, signal.SIGTERM)
        wait_until(lambda: not running({worker}))


def test_workers_do_not_outlive_their_supervisor_and_free_the_port_at_once(tmp_path):
    with start(tmp_path, MOCK_MODEL="1") as server:
        wait_until(lambda: len(server.workers()) == 2)
        pids = process_tree(server.process.pid)
        server.process.kill()
        server.process.wait()
        wait_until(lambda: _is_free(server.port), seconds=1)
        wait_until(lambda: not running(pids))


def test_nothing_outlives_a_supervisor_that_is_killed_while_its_workers_start(tmp_path, uri):
    server = start(tmp_path, MLFLOW_TRACKING_URI=uri, TMPDIR=str(tmp_path))
    pids = wait_until(
        lambda: pids if len(pids := process_tree(server.process.pid)) == 4 else None
    )  # two and a follower
    assert not _is_free(server.port)
    server.process.kill()
    server.process.wait()
    wait_until(lambda: _is_free(server.port), seconds=1)
    wait_until(lambda: not running(pids))
    assert not list(tmp_path.glob("sms-spam-*")) and "startup hook" not in server.log.read_text()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
