"""Keys and limits on a running service: all workers know a key's end; each counts its calls for itself."""

import os
import subprocess
import sys

import pytest

from tests.server import ROOT, Server


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """The file that the command writes, and the keys that it prints."""
    file = tmp_path_factory.mktemp("keys") / "keys"
    command = [sys.executable, "-m", "bentos", "key"]
    environment = {"PATH": os.environ["PATH"], "BENTOS_HOME": str(file.parent), "API_KEYS_FILE": "keys"}

    def make(*words: str) -> str:
        done = subprocess.run([*command, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    made = {name: make(name) for name in ("web", "batch")}
    return file, made | {"prometheus": make("prometheus", "--rights", "operate")}


@pytest.fixture(scope="module")
def server(tmp_path_factory, keys):
    settings = {"WORKERS": "2", "MOCK_MODEL": "1", "RATE_LIMIT": "20/hour", "API_KEYS_FILE": str(keys[0])}
    settings |= {"PROTECT_OPERATIONS": "true", "ACCESS_LOG": "1"}
    with Server(tmp_path_factory.mktemp("service"), **settings) as server:
        yield server


def statuses(server: Server, key: str, calls: int) -> list[int]:
    """Each over a connection of its own, which the workers share out."""
    found = []
    for _ in range(calls):
        with server.client() as client:
            found.append(client.get("/versions", headers={"X-API-Key": key}).status_code)
    return found


def test_each_worker_counts_for_itself(server, keys):
    with server.client() as client:  # its one connection stays with one worker
        answers = [client.get("/versions", headers={"X-API-Key": keys[1]["web"]}) for _ in range(30)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 10
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert statuses(server, keys[1]["web"], 30).count(200) <= 20, "the other worker's, however many calls reach it"


def test_prometheus_reads_protected_metrics_with_a_key_of_its_own(server, keys):
    def status(path: str, key: str) -> int:
        return server.get(path, headers={"Authorization": f"Bearer {key}"} if key else {}).status_code

    asked = [("/metrics", key) for key in ("", keys[1]["batch"], keys[1]["prometheus"])]
    assert [status(*one) for one in asked] == [401, 403, 200]
    assert status("/prediction?text=free", keys[1]["prometheus"]) == 403
    assert [server.get(path).status_code for path in ("/livez", "/readyz", "/v2/health/ready")] == [200] * 3


def test_all_workers_forget_a_revoked_key_at_once(server, keys):
    file, made = keys
    assert statuses(server, made["batch"], 5) == [200] * 5
    file.write_text(
        "".join(line for line in file.read_text().splitlines(keepends=True) if not line.startswith("batch:"))
    )
    assert statuses(server, made["batch"], 10) == [401] * 10
    with server.client() as client:
        assert client.get("/livez").status_code == 200
    assert made["batch"] not in server.log.read_text()
