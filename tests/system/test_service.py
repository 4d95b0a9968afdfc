"""The service as people run it: `bentoml serve` on a registry with two promoted versions."""

import json
import socket
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from bentos.http.limits import MAX_BODY
from tests.server import PATIENCE, Server
from tests.system.tools import in_one_hour, new_address, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory, registry):
    with Server(tmp_path_factory.mktemp("service"), MLFLOW_TRACKING_URI=registry) as server:
        yield server


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def test_two_versions_answer_side_by_side(client):
    champion = client.post("/prediction", json={"text": "free"})
    challenger = client.post("/prediction", json={"text": "free", "model_version": "challenger"})
    assert (champion.json()["model_version"], challenger.json()["model_version"]) == ("1", "2")
    assert (champion.headers["X-Model-Version"], challenger.headers["X-Model-Version"]) == ("1", "2")
    assert champion.json()["prediction"] != challenger.json()["prediction"]


def test_the_answer_is_what_the_registered_model_says(client, registry):
    from registry.model.artifact import Artifact
    from registry.versions import Registry

    store = Registry("sms-spam", registry)
    for ref in ("champion", "challenger"):
        version = store.resolve(ref)
        answer = client.get(f"/versions/{ref}/prediction", params={"text": "win a free prize", "skip_cache": "true"})
        assert [answer.json()["prediction"]] == Artifact.load(store.folder(version)).predict(["win a free prize"])
        assert client.get(f"/versions/{ref}").json()["digest"] == version.digest


def test_hit_and_miss_are_the_same_bytes_but_for_from_cache_and_id(client):
    body = {"texts": ["free lunch", "cash 🎁 later", "win " * 500], "echo_input": True}
    miss, hit = client.post("/predictions", json=body), client.post("/predictions", json=body)
    assert b'"from_cache":true' not in miss.content
    expected = miss.content.replace(b'"from_cache":false', b'"from_cache":true')
    for before, after in zip(miss.json(), hit.json(), strict=True):
        expected = expected.replace(before["id"].encode(), after["id"].encode())
    assert expected == hit.content


def test_readiness_and_metrics(client):
    assert client.get("/readyz").status_code == 200
    client.get("/prediction", params={"text": "counted", "model_version": "2"})
    metrics = client.get("/metrics")
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert 'spam_predictions_total{model_version="2",source="model"}' in metrics.text


@in_one_hour
def test_callers_see_their_own_calls_and_cannot_pose_as_others(server):
    address = new_address()
    with server.client(address) as one, server.client(new_address()) as other:
        one.get("/prediction", params={"text": "from one"})
        other.get("/prediction", params={"text": "from another"}, headers={"X-Forwarded-For": address})
        posing = other.get("/recent_log", headers={"X-Forwarded-For": address, "X-Real-IP": address})
        assert [row["input"] for row in one.get("/recent_log").json()] == ["from one"]
        assert [row["input"] for row in posing.json()] == ["from another"]


@in_one_hour
def test_a_long_log_is_streamed(server):
    with server.client(new_address()) as client:
        for start in range(0, 3_000, 1_000):
            texts = [f"{i} {'x' * 200}" for i in range(start, start + 1_000)]
            assert client.post("/predictions", json={"texts": texts}).status_code == 200
        with client.stream("GET", "/recent_log") as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            rows = json.loads(b"".join(response.iter_raw()))
    assert [int(row["input"].split()[0]) for row in rows] == list(range(3_000))


def test_an_oversized_body_is_refused_without_being_read(server):
    head = b"POST /predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
        sock.sendall(head + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode())
        assert sock.recv(1_000).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock:
        sock.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY // 100_000 + 1):
            sock.sendall(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        assert sock.recv(1_000).startswith(b"HTTP/1.1 413 ")


def test_bad_calls_leave_the_service_well(client):
    for content in (b"", b"{", b"\xff", b'{"text": "\\ud800"}', b'{"text": 1}', b"[" * 100_000):
        response = client.post("/prediction", content=content, headers={"Content-Type": "application/json"})
        assert 400 <= response.status_code < 500 and set(response.json()) == {"error", "detail"}
    assert client.get("/prediction", params={"text": "still here"}).status_code == 200


def test_no_answered_call_is_lost_when_it_is_killed_and_sigterm_ends_it_cleanly(tmp_path):
    answered: list[str] = []

    def ask(server: Server, name: str) -> None:
        with server.client() as client:
            for i in range(100_000):
                text = f"{name} {i}"
                try:
                    client.get("/prediction", params={"text": text}).raise_for_status()
                except httpx.TransportError:
                    return
                answered.append(text)

    with Server(tmp_path, MOCK_MODEL="1") as server:
        callers = [threading.Thread(target=ask, args=(server, f"caller {n}")) for n in range(8)]
        for caller in callers:
            caller.start()
        wait_until(lambda: len(answered) >= 500)
        server.kill()
        for caller in callers:
            caller.join()
    with closing(sqlite3.connect(tmp_path / "spam.db")) as db:  # an open reader would keep the -wal file
        logged = {text for (text,) in db.execute("SELECT input FROM spam_calls_per_caller")}
    assert len(answered) >= 500 and set(answered) <= logged
    with Server(tmp_path, MOCK_MODEL="1") as server, server.client() as client:
        answer = client.get("/prediction", params={"text": answered[0]}).json()
        assert (answer["from_cache"], answer["mock"], answer["model_version"]) == (True, True, "mock")
        assert client.get("/").json()["mock"] is True
        client.close()
        assert server.stop() == 0
    assert [path.name for path in tmp_path.glob("spam.db*")] == ["spam.db"]  # no -wal file: all is in the database


def test_an_answer_says_which_words_pushed_it(server):
    text = "win later at home win"
    with server.spam() as spam:
        explained, plain = spam.predict(text, explain=True), spam.predict(text)
    weights = {row.words: row.weight for row in explained.explanation}
    assert [row.words for row in explained.explanation] == ["win", "later", "at", "home", "win"]
    assert weights == {"win": pytest.approx(3, abs=1e-3), "later": pytest.approx(-2, abs=1e-3), "at": 0, "home": -2}
    assert plain == replace(explained, explanation=None, from_cache=True, id=plain.id)
