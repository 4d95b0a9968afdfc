"""What a client may do to the web server before it has sent a request: a real uvicorn, small limits."""

import asyncio
import contextlib
import json

import pytest
import uvicorn

from bentos.process.connections import ConnectionLimits, limited_protocol
from tests.server import free_port

pytestmark = pytest.mark.anyio

REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"


@contextlib.asynccontextmanager
async def serving(app=None, **limits):
    """The port of a server with these limits."""

    async def echo(scope, receive, send):
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    port = free_port()
    config = uvicorn.Config(app or echo, port=port, log_config=None, lifespan="off", timeout_keep_alive=5)
    config.load()
    config.http_protocol_class = limited_protocol(ConnectionLimits(**limits))
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = server.force_exit = True
    await task


async def connect(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def answer(reader) -> tuple[int, dict]:
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(await reader.read())


async def asked(port) -> bytes:
    """The answer to a whole request on a connection of its own."""
    async with asyncio.timeout(20):
        reader, writer = await connect(port)
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(3)
        writer.close()
        return body


@pytest.mark.parametrize(
    "piece", [b"X-Line: " + b"v" * 100 + b"\r\n", b"v" * 100], ids=["endless headers", "one endless header"]
)
async def test_a_head_that_never_ends_is_refused(piece):
    async with serving(max_head_bytes=10_000) as port:
        reader, writer = await connect(port)
        writer.write(b"GET / HTTP/1.1\r\nA: " + piece * 101)  # in one piece: unread bytes would reset the connection
        status, body = await answer(reader)
        assert (status, body["error"]) == (431, "too_large") and "10,000" in body["detail"]
        assert await asked(port) == b"abc"


async def test_many_small_requests_on_one_connection_are_not_added_up():
    async with serving(max_head_bytes=1_000) as port:
        reader, writer = await connect(port)
        for _ in range(50):
            writer.write(REQUEST)
            async with asyncio.timeout(20):
                assert b"200" in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(3) == b"abc"


async def test_a_large_body_does_not_count_as_a_head():
    async with serving(max_head_bytes=1_000) as port:
        reader, writer = await connect(port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nX: y\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)
        async with asyncio.timeout(20):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", REQUEST + b"GET / HTTP/1.1\r\nHost"])
async def test_a_head_that_does_not_arrive_is_given_up(sent):
    async with serving(head_seconds=0.2) as port:
        reader, writer = await connect(port)
        writer.write(sent)
        async with asyncio.timeout(20):
            left = await reader.read()
        assert left == b"" if not sent else b"408" in left


async def test_the_oldest_half_open_connection_makes_room():
    async with serving(max_connections=5) as port:
        half_open = [await connect(port) for _ in range(5)]
        for _ in range(3):
            assert await asked(port) == b"abc"
        async with asyncio.timeout(20):
            assert await half_open[0][0].read() == b""


async def test_with_only_busy_connections_one_more_is_refused():
    hold = asyncio.Event()

    async def waiting(scope, receive, send):
        await hold.wait()

    async with serving(waiting, max_connections=3) as port:
        busy = [await connect(port) for _ in range(3)]
        for _, writer in busy:
            writer.write(REQUEST)
        await asyncio.sleep(0.1)
        reader, writer = await connect(port)
        status, body = await answer(reader)
        assert (status, body["error"]) == (503, "overloaded")
        hold.set()


async def test_a_client_that_does_not_read_its_answer_is_dropped():
    ended = asyncio.Event()

    async def large(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            if ended.is_set():
                return

    async with serving(large, write_seconds=0.2) as port:
        reader, writer = await connect(port)
        reader._transport.pause_reading()
        writer.write(REQUEST)
        await asyncio.sleep(0.6)
        reader._transport.resume_reading()
        ended.set()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                assert len(await reader.read()) < 50_000_000


async def test_what_is_no_http_is_answered_in_the_shape_of_an_error():
    async with serving() as port:
        reader, writer = await connect(port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        status, body = await answer(reader)
        assert (status, body["error"]) == (400, "malformed")
