"""Over a real connection: what is written in one turn of the loop arrives whole, in order, and before the end."""

import asyncio

import pytest

from bentos.process.joined_writes import JoinedWrites

pytestmark = pytest.mark.anyio


class Recorder(asyncio.Protocol):
    """The other end."""

    def __init__(self):
        self.received, self.ended = b"", asyncio.Event()

    def data_received(self, data):
        self.received += data

    def connection_lost(self, exc):
        self.ended.set()


class Counting:
    """A transport that counts how often it is written to."""

    def __init__(self, transport):
        self.transport, self.writes = transport, 0

    def __getattr__(self, name):
        return getattr(self.transport, name)

    def write(self, data):
        self.writes += 1
        self.transport.write(data)

    def writelines(self, pieces):
        self.writes += 1
        self.transport.writelines(pieces)


@pytest.fixture
async def ends(anyio_backend):
    loop, recorder = asyncio.get_running_loop(), Recorder()
    server = await loop.create_server(lambda: recorder, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(asyncio.Protocol, *server.sockets[0].getsockname())
    counting = Counting(transport)
    yield JoinedWrites(counting, loop), counting, recorder
    server.close()


async def test_a_head_and_its_body_are_one_write(ends):
    joined, counting, recorder = ends
    joined.write(b"head ")
    joined.write(b"body")
    joined.close()
    await recorder.ended.wait()
    assert (recorder.received, counting.writes) == (b"head body", 1)


@pytest.mark.parametrize("pieces", [1, 3, 4])
async def test_nothing_is_kept_back_or_changes_places(ends, pieces):
    joined, _, recorder = ends
    for turn in range(3):
        for piece in range(pieces):
            joined.write(b"%d%d " % (turn, piece))
        await asyncio.sleep(0.01)
        assert recorder.received == b"".join(b"%d%d " % (t, p) for t in range(turn + 1) for p in range(pieces))
    joined.write(b"end")
    joined.close()
    await recorder.ended.wait()
    assert recorder.received.endswith(b" end")
