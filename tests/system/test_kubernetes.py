"""What a cluster does to a pod, done to a process that has the manifests' variables: probed, ended, moved, confined.

Paths, periods and variables are read from the manifests. What is a volume in a pod is a folder of the test here.
"""

import http.client
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bentos.callers.keys import new_key
from bentos.settings import Settings
from tests.cassandra.client import session_of, settings_for
from tests.kubernetes import Manifest, container, pod, pre_stop, read, settings
from tests.server import ROOT, Server, free_port
from tests.system.tools import Threads, metric, new_address, wait_until

LATEST = 0.8  # of preStop, the moment at which the last node hears that a pod is to get no more connections
CALLERS = 6
CALLS = 20  # of one connection
PAUSE = 0.01  # seconds between a caller's calls
JSON = {"Content-Type": "application/json"}
CONFINE = (  # the whole machine read-only but for one folder, without any capability
    'mount --bind "$0" "$0" && mount -o remount,bind,ro /'
    ' && exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all "$@"'
)


def volumes(folder: Path) -> dict[str, Path]:
    """The folder for each path where the container has a volume."""
    return {mount["mountPath"]: folder / mount["name"] for mount in container()["volumeMounts"]}


def variables(folder: Path, overlay: str, **others: str) -> dict[str, str]:
    """The container's variables, with the folders in place of its volumes; `others` are what the test has elsewhere."""
    places = volumes(folder)
    given = settings(overlay) | {"HOST": "127.0.0.1", "TMPDIR": "/tmp"}
    for name, value in given.items():
        mounted = next((path for path in places if value == path or value.startswith(f"{path}/")), None)
        if mounted:
            given[name] = f"{places[mounted]}{value.removeprefix(mounted)}"
    return given | others


def start(folder: Path, overlay: str = "one-node", within: tuple[str, ...] = (), **others: str) -> Server:
    """A pod; two in one folder share their disk."""
    for place in volumes(folder).values():
        place.mkdir(parents=True, exist_ok=True)
    port = free_port()
    return Server(folder, port=port, within=within, **variables(folder, overlay, PORT=str(port), **others))


def passes(server: Server, probe: str) -> bool:
    """Whether a probe of the manifest succeeds before it has failed too often."""
    told = container()[probe]
    return any(_asked_once(server, told) for _ in range(told["failureThreshold"]))


def _asked_once(server: Server, probe: Manifest) -> bool:
    try:
        return server.get(probe["httpGet"]["path"], timeout=probe["timeoutSeconds"]).status_code == 200
    except httpx.TimeoutException:
        return False


class Connections(Threads):
    """Callers that reach one of `endpoints` with each new connection, as through a Service, and use it for CALLS."""

    def __init__(self, *endpoints: Server) -> None:
        self.endpoints = list(endpoints)
        self.answered: list[str] = []
        self.failures: list[str] = []
        super().__init__(range(CALLERS))

    def wait_for(self, count: int) -> None:
        before = len(self.answered)
        wait_until(lambda: len(self.answered) >= before + count)

    def _call(self, number: int) -> None:
        texts = (f"free lunch {number} {n}" for n in range(10**9))
        while not self._over.is_set():
            endpoint = random.choice(self.endpoints)
            with closing(http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=30)) as connection:
                self._use(connection, texts)

    def _use(self, connection: http.client.HTTPConnection, texts: Iterator[str]) -> None:
        """Send texts until the service asks to close the connection, or there have been CALLS."""
        for _, text in zip(range(CALLS), texts, strict=False):
            if self._over.wait(PAUSE):
                return
            try:
                connection.request(
                    "POST", "/prediction", json.dumps({"text": text}), {"Content-Type": "application/json"}
                )
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                return
            if response.status == 200:
                self.answered.append(text)
            else:
                self.failures.append(body.decode())
            if response.will_close:
                return


def end(server: Server, connections: Connections) -> None:
    """End a pod as the kubelet does, in the time that its manifest gives it, while the Service hears of it late."""
    asked = time.monotonic()
    time.sleep(pre_stop() * LATEST)
    connections.endpoints.remove(server)
    time.sleep(pre_stop() * (1 - LATEST))
    assert passes(server, "livenessProbe")
    assert server.stop() == 0
    assert time.monotonic() - asked < pod()["terminationGracePeriodSeconds"]


def inputs(folder: Path) -> list[str]:
    """What is in the call log on a pod's disk."""
    with closing(sqlite3.connect(variables(folder, "one-node")["SQLITE_PATH"])) as db:
        return sorted(text for (text,) in db.execute("SELECT input FROM spam_calls_per_caller"))


def test_a_pod_ends_beside_another_on_the_same_disk_and_no_call_fails(tmp_path):
    others = {"MOCK_MODEL": "1", "API_KEYS_FILE": ""}
    allowed = container()["startupProbe"]["failureThreshold"] * container()["startupProbe"]["periodSeconds"]
    began = time.monotonic()
    servers = [start(tmp_path, **others) for _ in range(2)]
    with servers[0] as ending, servers[1] as staying:
        for server in (ending, staying):
            assert passes(server, "startupProbe") and passes(server, "readinessProbe")
        assert time.monotonic() - began < allowed
        with Connections(ending, staying) as connections:
            connections.wait_for(200)
            end(ending, connections)
            connections.wait_for(100)
        assert connections.failures == []
        assert passes(staying, "readinessProbe")
    assert inputs(tmp_path) == sorted(connections.answered)


@pytest.fixture(scope="module")
def confine() -> tuple[str, ...]:
    """Words before a folder and a command, which then can write into that folder alone."""
    words = ("unshare", "--mount", "sh", "-c", CONFINE)
    tried = subprocess.run([*words, "/srv", "test", "!", "-w", ROOT], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"NO TEST OF A READ-ONLY ROOT: {tried.stderr or 'this folder stays writable'}")
    return words


def write_keys(folder: Path, revision: str) -> str:
    """A new key in the Secret's volume, as the kubelet writes it: a new folder, to which a link is moved. The key."""
    place = volumes(folder)["/etc/sms-spam"]
    (place / revision).mkdir(parents=True)
    key, line = new_key("ann")
    (place / revision / "keys").write_text(line)
    (place / "new").symlink_to(revision)
    (place / "new").rename(place / "..data")
    if not (place / "keys").is_symlink():
        (place / "keys").symlink_to("..data/keys")
    return key


def status_of_call(server: Server, key: str) -> int:
    return server.get("/prediction?text=free", headers={"X-API-Key": key}).status_code


def test_with_a_read_only_root_and_a_lost_disk_the_versions_come_back_and_the_log_does_not(tmp_path, confine, registry):
    within, key = (*confine, str(tmp_path)), write_keys(tmp_path, "..1")
    with start(tmp_path, within=within, MLFLOW_TRACKING_URI=registry) as server:
        assert passes(server, "readinessProbe")
        assert [status_of_call(server, key), status_of_call(server, "another")] == [200, 401]
        changed = write_keys(tmp_path, "..2")
        assert [status_of_call(server, key), status_of_call(server, changed)] == [401, 200]
    assert len(inputs(tmp_path)) == 2
    assert "Read-only" not in server.log.read_text() and "ermission" not in server.log.read_text()

    lose_disk(tmp_path)
    with start(tmp_path, within=within, MLFLOW_TRACKING_URI=registry) as server:
        assert passes(server, "readinessProbe") and status_of_call(server, changed) == 200
    assert len(inputs(tmp_path)) == 1


def lose_disk(folder: Path) -> None:
    shutil.rmtree(variables(folder, "ring")["BENTOS_HOME"])


def logged(node: Settings) -> set[str]:
    """The inputs in Cassandra's log."""
    with session_of(node) as session:
        return {text for (text,) in session.execute("SELECT input FROM spam_calls_per_caller")}


def send(server: Server, name: str, count: int) -> set[str]:
    """Texts that were answered."""
    texts = {f"{name} {n}" for n in range(count)}
    with server.client(new_address()) as calling:
        assert all(calling.post("/prediction", json={"text": text}).status_code == 200 for text in texts)
    return texts


def test_of_a_lost_disk_beside_a_ring_only_the_rows_that_waited_are_missing(tmp_path, cassandra_node, keyspace):
    node = settings_for(cassandra_node, keyspace, tmp_path)
    elsewhere = {
        "API_KEYS_FILE": "",
        "CASSANDRA_CONTACT_POINTS": node.cassandra_contact_points,
        "CASSANDRA_PORT": str(node.cassandra_port),
        "CASSANDRA_KEYSPACE": keyspace,
        "CASSANDRA_REPLICATION": "1",  # of one node
    }
    migrate(tmp_path, elsewhere)
    with start(tmp_path, "ring", MOCK_MODEL="1", **elsewhere) as server:
        before = send(server, "before", 30)
        wait_until(lambda: metric(server, "spam_spool_rows") == 0)  # a busy machine may be late for some
        cassandra_node.pause()
        try:
            waiting = send(server, "waiting", 30)
            assert metric(server, "spam_spool_rows") > 0
            server.kill()
        finally:
            cassandra_node.resume()
    lose_disk(tmp_path)
    away = "http://127.0.0.1:9"  # the registry, which the new disk would need
    with start(tmp_path, "ring", MLFLOW_TRACKING_URI=away, **elsewhere) as server:
        assert passes(server, "livenessProbe") and not passes(server, "readinessProbe")
        assert metric(server, "spam_ready") == 0 and 'alias="champion"' not in server.get("/metrics").text
        assert metric(server, 'spam_store_up{store="cassandra"}') == 1 and metric(server, "spam_spool_rows") == 0
        assert before <= logged(node) < before | waiting


def migrate(folder: Path, elsewhere: dict[str, str]) -> None:
    """Run the Job."""
    (job,) = read("migrate/job.yaml")["spec"]["template"]["spec"]["containers"]
    python, *words = job["command"]
    assert python == "python"
    environment = {"PATH": os.environ["PATH"], **variables(folder, "ring"), **elsewhere}
    subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True)
