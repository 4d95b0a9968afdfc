"""Connections that send too much before a request, or next to nothing, to a service that may open few files.

tests/bentos/process/test_connections.py has the limits themselves, one by one.
"""

import contextlib
import socket

import pytest

from tests.hostile.attack import others_served
from tests.server import PATIENCE, Server

FILES = 256  # that a process may have open; 128 of them are kept for what is not a connection


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("connections"), files=FILES, MOCK_MODEL="1") as server:
        yield server


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), PATIENCE)


@pytest.mark.parametrize("piece", [b"X-Line: " + b"v" * 1_000 + b"\r\n", b"v" * 1_000], ids=["lines", "one line"])
def test_headers_that_never_end_are_cut_off(server, piece):
    sent = 0
    with others_served(server), connect(server) as endless, contextlib.suppress(ConnectionError):
        endless.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-First: ")
        while sent < 50_000_000:
            endless.sendall(piece)
            sent += len(piece)
    assert sent < 20_000_000, "it was read on and on"


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /prediction HT", b"GET /prediction?text=a HTTP/1.1\r\nHost: x\r\nX-H"],
    ids=["", "line", "head"],
)
def test_hundreds_of_half_open_connections_lock_nobody_out(server, begun):
    with others_served(server) as side, contextlib.ExitStack() as stack:
        for _ in range(2 * FILES):
            half_open = stack.enter_context(connect(server))
            with contextlib.suppress(ConnectionError):
                half_open.sendall(begun)
        with server.client() as new:
            for path in ("/livez", "/prediction?text=free"):
                assert new.get(path).status_code == 200
        side.wait_for(3)
    assert "Too many open files" not in server.log.read_text()
