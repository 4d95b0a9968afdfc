"""Calls that cost as much as a call can, on the shipped model: they are bounded, and others are answered meanwhile."""

import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bentos.http.limits import MAX_CHARACTERS, MAX_LIST_CHARACTERS, MAX_TEXTS
from tests.hostile.attack import others_served
from tests.server import PATIENCE, Server, client

DRAIN_SECONDS = 1
WORST = {
    "an address without end": "a@" * 4_999,
    "combining marks": "e" + "\u0301\u0323" * 4_999,
    "no space": "x" * MAX_CHARACTERS,
    "one letter a word": "a " * 4_999 + "b",
    "ligatures": "\ufdfa" * MAX_CHARACTERS,  # each is 18 letters after normalising
    "links": "www.a.co/" * 1_111,
    "zero width": "a\u200b" * 4_999,
    "digits": "0 1" * 3_333,
}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, shipped):
    folder = tmp_path_factory.mktemp("work")
    with Server(folder, MLFLOW_TRACKING_URI=shipped, DRAIN_SECONDS=str(DRAIN_SECONDS)) as server:
        yield server


@pytest.fixture
def caller(server):
    with server.client("127.2.0.2") as calling:
        yield calling


def long_list(start: int) -> list[str]:
    """As much text as a call may have; no other `start` has one of its texts."""
    length = MAX_LIST_CHARACTERS // MAX_TEXTS
    return [(f"{start + i} win 0906 a@b.co " * length)[:length] for i in range(MAX_TEXTS)]


def test_the_worst_texts_hold_up_nobody(server, caller):
    with others_served(server) as side:
        for text in WORST.values():
            assert caller.post("/prediction", json={"text": text, "skip_cache": True}).status_code == 200
        assert caller.post("/predictions", json={"texts": list(WORST.values()) * 12}).status_code == 200
    assert len(side.waits) > 3


def test_the_longest_list_holds_up_nobody(server, caller):
    with others_served(server) as side:
        answers = caller.post("/predictions", json={"texts": long_list(0)}).json()
    assert len(answers) == MAX_TEXTS and len(side.waits) > 3


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        (["a"] * (MAX_TEXTS + 1), 422),
        (["a" * (MAX_CHARACTERS + 1)], 422),
        (["a" * (MAX_LIST_CHARACTERS // MAX_TEXTS + 1)] * MAX_TEXTS, 413),
    ],
    ids=["one text too many", "one text too long", "too much text"],
)
def test_what_is_above_a_limit_is_refused_at_once(server, caller, texts, status):
    with others_served(server):
        response = caller.post("/predictions", json={"texts": texts})
    assert response.status_code == status and len(response.content) < 1_000


def test_an_output_asked_for_20000_times_is_refused(server, caller):
    tensor = {"name": "text", "datatype": "BYTES", "shape": [MAX_TEXTS], "data": long_list(10_000)}
    call = {"inputs": [tensor], "outputs": [{"name": "probabilities"}] * 20_000}
    with others_served(server):
        response = caller.post("/v2/models/sms-spam/infer", json=call)
    assert response.status_code == 400 and len(response.content) < 1_000


def test_a_list_is_answered_while_32_callers_want_explanations(server):
    over = threading.Event()

    def explain(n: int) -> int:
        with client(server.url, f"127.2.1.{n + 1}") as calling:
            for i in range(1_000):
                text = " ".join(f"{n} {i} {word}" for word in range(300))
                response = calling.post("/prediction", json={"text": text, "explain": True})
                assert response.status_code == 200, response.text
                if over.is_set():
                    return i + 1
        raise AssertionError("it never ended")

    with ThreadPoolExecutor(32) as threads, others_served(server):
        explained = [threads.submit(explain, n) for n in range(32)]
        with server.client("127.2.0.3") as calling:
            started = time.monotonic()
            response = calling.post("/predictions", json={"texts": [f"lunch at {i}" for i in range(50)]})
            seconds = time.monotonic() - started
        over.set()
        assert all(call.result() for call in explained)
    assert response.status_code == 200, response.text
    assert seconds < 5, f"it took {seconds:.1f} s"


def test_long_calls_that_were_abandoned_keep_the_service_neither_busy_nor_from_ending(server):
    """The last of the module: it ends the server."""
    bodies = [json.dumps({"texts": long_list(100_000 * n), "skip_cache": True}).encode() for n in range(1, 9)]
    head = "POST /predictions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
    with others_served(server):
        for body in bodies:
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as abandoned:
                abandoned.sendall(head.format(len(body)).encode() + body)
        started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(PATIENCE)
    assert time.monotonic() - started < DRAIN_SECONDS + 4
