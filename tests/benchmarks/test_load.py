import asyncio
import json

from tests.benchmarks.load import RUN, Answered, Load, drive, loop_for, percentile

ANSWER = b"HTTP/1.1 %b\r\ncontent-length: 2\r\n\r\n{}"
STALL = 0.1  # seconds


class Tiny:
    """A server that answers at once, but for one stall, during which it answers nobody."""

    def __init__(self, stall_after: int = -1, status: bytes = b"200 OK", close_after: int = -1) -> None:
        self.bodies: list[dict] = []
        self._stall_after, self._status, self._close_after = stall_after, status, close_after
        self._busy = asyncio.Lock()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.partition(b"Content-Length: ")[2]))
                async with self._busy:
                    self.bodies.append(json.loads(body))
                    await asyncio.sleep(STALL if len(self.bodies) == self._stall_after else 0)
                if len(self.bodies) == self._close_after:
                    return
                writer.write(ANSWER % self._status)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def put(tiny: Tiny, **load) -> Answered:
    async def run() -> Answered:
        server = await asyncio.start_server(tiny.answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        options = {"clients": 2, "seconds": 0.2, "run": 3, "warm": 0.0, "bodies": ['{"text": "{n}"}']} | load
        async with server:
            return await drive(Load(port, "/", **options))

    paced = Load(0, "/", [], 1, 1, 1, rate=load.get("rate"))
    with asyncio.Runner(loop_factory=lambda: loop_for(paced)) as runner:
        return runner.run(run())


def test_a_paced_load_counts_the_stall_for_all_that_was_due_meanwhile():
    answered = put(Tiny(stall_after=20), rate=1000, seconds=0.15)
    assert (answered.requests, answered.errors) == (150, 0)
    assert answered.p99 > 0.7 * STALL * 1e3
    assert answered.p50 > 5  # two thirds of the requests were due during the stall


def test_a_closed_loop_sees_the_stall_once_for_each_client():
    answered = put(Tiny(stall_after=20), seconds=0.0, least=500)
    assert answered.p50 <= answered.p99 < STALL * 1e3 / 2


def test_no_request_repeats_another_of_any_run():
    tiny = Tiny()
    put(tiny, bodies=['{"text": "{n} a"}', '{"text": "{n} b"}'], seconds=0.0, least=10)
    texts = [body["text"] for body in tiny.bodies]
    assert len(set(texts)) == len(texts)
    assert {text[-1] for text in texts} == {"a", "b"}
    assert all(3 * RUN <= int(text.split()[0]) < 4 * RUN for text in texts)


def test_warming_does_not_count():
    answered = put(Tiny(stall_after=5), rate=1000, warm=0.15, seconds=0.11)
    assert answered.requests == 110
    assert answered.p50 < STALL * 1e3 / 2


def test_a_closed_loop_goes_on_until_it_has_enough_answers():
    answered = put(Tiny(), seconds=0.0, least=30)
    assert 30 <= answered.requests <= 32
    assert answered.per_second > 0


def test_errors_are_counted_and_have_no_latency():
    refused = put(Tiny(status=b"503 Busy"), seconds=0.02)
    assert refused.requests == 0 and refused.errors > 0 and refused.first_error.startswith("HTTP/1.1 503 Busy")
    lost = put(Tiny(close_after=10), seconds=0.0, least=30)
    assert lost.errors == 1 and lost.requests >= 30


def test_percentiles():
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 0.999)] == [50, 99, None]
    assert percentile([], 0.5) is None
