"""The shipped nginx site, by the real nginx: in front of two services, and of a stand-in for them."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from select import select
from urllib.parse import quote

import httpx
import pytest

from bentos.http.limits import MAX_BODY
from tests.nginx import Nginx, need_nginx
from tests.server import PATIENCE, Server, client, free_port
from tests.system.tools import in_one_hour, new_address, wait_until

HEAD = b"POST /predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def services(tmp_path_factory) -> Iterator[list[Server]]:
    """Two, which keep one store."""
    need_nginx()
    folder = tmp_path_factory.mktemp("services")
    settings = {"MOCK_MODEL": "1", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(folder, **settings) as one, Server(folder, **settings) as other:
        yield [one, other]


@pytest.fixture(scope="module")
def nginx(services, tmp_path_factory) -> Iterator[Nginx]:
    with Nginx(tmp_path_factory.mktemp("nginx"), *(service.port for service in services)) as nginx:
        yield nginx


def caller(nginx: Nginx, address: str, **headers: str) -> httpx.Client:
    return client(nginx.url, address, **headers)


@in_one_hour
def test_callers_are_told_apart_and_cannot_pose_as_others(nginx):
    first, second = new_address(), new_address()
    posing = {"X-Forwarded-For": first, "Forwarded": f"for={first}", "X-Real-IP": first}
    with caller(nginx, first) as one, caller(nginx, second, **posing) as other:
        for client, address, text in ((one, first, "from one"), (other, second, "from another")):
            assert {client.get("/").json()["caller_id"] for _ in range(4)} == {address}
            for _ in range(2):  # one a service
                client.get("/prediction", params={"text": text}).raise_for_status()
            assert [row["input"] for row in client.get("/recent_log").json()] == [text, text]


def test_both_services_answer_through_connections_that_are_kept(nginx, services):
    with caller(nginx, "127.0.0.13") as client:
        for _ in range(20):
            client.get("/versions").raise_for_status()
    for service in services:
        with service.client() as direct:
            assert 'spam_requests_total{route="/versions",status="200"}' in direct.get("/metrics").text


@in_one_hour
def test_a_long_log_arrives_whole_and_in_pieces(nginx):
    with caller(nginx, new_address()) as client:
        for start in range(0, 3_000, 1_000):
            texts = [f"{i} {'x' * 200}" for i in range(start, start + 1_000)]
            client.post("/predictions", json={"texts": texts}).raise_for_status()
        with client.stream("GET", "/recent_log") as response:
            assert response.headers["Transfer-Encoding"] == "chunked"
            pieces = list(response.iter_raw())
    assert len(pieces) > 3
    assert [int(row["input"].split()[0]) for row in json.loads(b"".join(pieces))] == list(range(3_000))


def test_a_body_may_be_as_large_as_the_service_takes_and_no_larger(nginx):
    body = json.dumps({"texts": ["🎁" * 698] * 1_000})  # twelve bytes a character
    assert MAX_BODY - 100_000 < len(body) <= MAX_BODY
    with caller(nginx, "127.0.0.15") as client:
        answer = client.post("/predictions", content=body, headers={"Content-Type": "application/json"})
        assert len(answer.json()) == 1_000
    connection = HTTPConnection("127.0.0.1", nginx.port, timeout=PATIENCE)
    connection.request("GET", f"/prediction?echo_input=true&text={quote('🎁' * 5_000)}")
    assert json.load(connection.getresponse())["input"] == "🎁" * 5_000
    connection.close()
    for head, keys in ((HEAD, {"error", "detail"}), (HEAD.replace(b"/predictions", b"/v2/models/m/infer"), {"error"})):
        with socket.create_connection(("127.0.0.1", nginx.port), timeout=PATIENCE) as sock:
            sock.sendall(head + f"Content-Length: {MAX_BODY + 1}\r\n\r\n".encode())
            status, answer = read_answer(sock)
            assert status == 413 and answer.keys() == keys and "8,388,608" in str(answer)


def test_one_address_may_have_so_many_calls_open(nginx):
    """Each sends half a body: nginx has the call and waits for the rest."""
    opened = []
    try:
        for _ in range(33):
            sock = socket.create_connection(
                ("127.0.0.1", nginx.port), timeout=PATIENCE, source_address=("127.0.0.16", 0)
            )
            opened.append(sock)
            sock.sendall(HEAD + b'Content-Length: 20\r\n\r\n{"texts"')
        (refused,), _, _ = select(opened, [], [], PATIENCE)
        status, answer = read_answer(refused)
        assert (status, answer["error"]) == (429, "too_often")
        with caller(nginx, "127.0.0.17") as other:
            assert other.get("/versions").status_code == 200
        waiting = next(sock for sock in opened if sock is not refused)
        waiting.sendall(b':["a"]     }')
        assert read_answer(waiting)[0] == 200
    finally:
        for sock in opened:
            sock.close()


def test_an_address_that_floods_is_told_to_wait(nginx):
    def ask(_: int) -> httpx.Response:
        return client.get("/livez")

    with caller(nginx, "127.0.0.18") as client, ThreadPoolExecutor(16) as pool:
        refused = next(answer for answer in pool.map(ask, range(2_000)) if answer.status_code == 429)
    assert refused.json()["error"] == "too_often" and refused.headers["Retry-After"] == "1"


def test_what_is_not_for_strangers_stays_within_and_no_text_is_in_its_log(nginx):
    with caller(nginx, "127.0.0.19") as client:
        assert client.get("/metrics").json()["error"] == "not_found"
        client.get("/prediction", params={"text": "quite a secret"}, headers={"X-Request-ID": "mine-1"})
        client.get("/prediction", params={"text": ""}, headers={"X-Request-ID": "mine-2"})
    wait_until(lambda: {"mine-1", "mine-2"} <= set(nginx.log.read_text().split()))  # written after the answer is sent
    assert "secret" not in nginx.log.read_text()


class StandIn(BaseHTTPRequestHandler):
    """Answers with the status that the path ends with and what it was sent; /recent_log in two pieces."""

    protocol_version = "HTTP/1.1"
    go_on = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/recent_log":
            return self._in_pieces()
        body = json.dumps(dict(self.headers)).encode()
        self.send_response(int(self.path[-3:]))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def _in_pieces(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"1\r\n[\r\n")
        self.go_on.wait(PATIENCE)
        self.wfile.write(b"1\r\n]\r\n0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Nothing: it is a test's."""


@contextmanager
def standing_in(folder) -> Iterator[Nginx]:
    """An nginx whose services are both a `StandIn`."""
    need_nginx()
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Nginx(folder, server.server_port, server.server_port) as nginx:
            yield nginx
    finally:
        StandIn.go_on.set()
        server.shutdown()
        server.server_close()


def test_answers_and_ids_pass_through_and_the_log_is_not_held_back(tmp_path):
    with standing_in(tmp_path) as nginx, caller(nginx, "127.0.0.20") as client:
        for status in (200, 404, 413, 429, 500, 503):
            answer = client.get(f"/{status}", headers={"X-Forwarded-For": "1.2.3.4", "X-Request-ID": "a b"})
            assert (answer.status_code, answer.headers["Retry-After"]) == (status, "7")
            seen = answer.json()
            assert seen["X-Forwarded-For"] == "127.0.0.20" and "Forwarded" not in seen
            assert seen["X-Request-ID"] == answer.headers["X-Request-ID"] and len(seen["X-Request-ID"]) == 32
        assert client.get("/200", headers={"X-Request-ID": "mine-3"}).headers["X-Request-ID"] == "mine-3"
        with client.stream("GET", "/recent_log") as response:
            pieces = response.iter_raw()
            assert next(pieces) == b"["  # while the upstream waits
            StandIn.go_on.set()
            assert b"".join(pieces) == b"]"


def test_a_service_that_is_away_is_not_missed_and_all_are_told_of(services, nginx, tmp_path):
    services[1].stop()
    with caller(nginx, "127.0.0.21") as client:
        assert {client.get("/prediction", params={"text": "a"}).status_code for _ in range(20)} == {200}
    with Nginx(tmp_path, free_port(), free_port()) as alone, caller(alone, "127.0.0.21") as client:
        answer = client.get("/versions")
        assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "unavailable", "1")
        assert client.get("/v2").json().keys() == {"error"}


def test_a_machine_that_is_gone_is_not_missed(services, tmp_path):
    """Nothing of it comes back, as from a listener whose queue is full. Another service answers, a POST too."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as gone:
        port, filling = gone.getsockname()[1], []
        try:
            for _ in range(2):  # the second one waits for ever: the queue is full
                filling.append(socket.socket())
                filling[-1].setblocking(False)
                filling[-1].connect_ex(("127.0.0.1", port))
            with Nginx(tmp_path, port, services[0].port) as nginx, caller(nginx, "127.0.0.22") as client:
                answers = [client.post("/prediction", json={"text": "a"}) for _ in range(2)]
        finally:
            for sock in filling:
                sock.close()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert f"127.0.0.1:{port}, 127.0.0.1:{services[0].port} 504, 200" in nginx.log.read_text()


def read_answer(sock: socket.socket) -> tuple[int, dict | list]:
    """Status and JSON of one answer with a Content-Length."""
    with sock.makefile("rb") as file:
        status = int(file.readline().split()[1])
        headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        return status, json.loads(file.read(int(headers["content-length"])))
