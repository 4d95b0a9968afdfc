"""A load generator for HTTP/1.1: clients that keep their connection, in a process of their own, as clients do.

Closed loop: each client sends the next request when the last is answered, which shows the most requests a second.
Paced (`rate`): requests are due at a constant rate, spread over the connections, and one's latency counts from the
moment it was due, also while its connection waited for an earlier answer, as wrk2 does: a stall of the service delays
all that was due meanwhile, and none of that is left out (coordinated omission).
"""

import asyncio
import json
import math
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count

import uvloop

NUMBER = b"{n}"  # in a body it becomes a number that this run never sent before
RUN = 10_000_000  # numbers of a run
PATIENCE = 60.0  # seconds that answers may take after the last request
SLACK = 1e-6  # seconds: the moments when requests are due are sums, which are not exact
RETRY = 0.1  # seconds between two tries to connect again


@dataclass(frozen=True)
class Load:
    """POSTs of the JSON bodies to `path` in turn, for `seconds` after `warm` seconds that do not count.

    In a closed loop the time ends later where fewer than `least` requests were answered. The numbers of `NUMBER` begin
    with `run` times `RUN`, so that no run sends another's.
    """

    port: int
    path: str
    bodies: Sequence[str]
    clients: int
    seconds: float
    run: int
    rate: float | None = None  # requests a second that are due; None: a closed loop
    warm: float = 0.5
    least: int = 0


@dataclass(frozen=True)
class Answered:
    """What a load met. Latencies are in milliseconds, None where there were too few requests to tell.

    A request fails that gets another status than 200, no answer, or no connection. `cpu` are microseconds of a core
    that the generator took for a request.
    """

    requests: int
    errors: int
    per_second: float
    p50: float | None
    p99: float | None
    p999: float | None
    cpu: float
    first_error: str = ""


def put(load: Load) -> Answered:
    """Put the load on a service, from another process. Raises CalledProcessError when that one fails."""
    command = [sys.executable, "-m", "tests.benchmarks.load"]
    done = subprocess.run(command, input=json.dumps(asdict(load)), check=True, stdout=subprocess.PIPE, text=True)
    return Answered(**json.loads(done.stdout))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value that this share of the ordered values does not exceed; None where not one value lies above it."""
    rank = math.ceil(round(share * len(ordered), 9))
    return ordered[rank - 1] if 0 < rank < len(ordered) else None


@dataclass
class Run:
    """What all clients share. Times are seconds of `time.monotonic`: uvloop's own clock has whole milliseconds."""

    load: Load
    begin: float = math.inf  # of what counts
    end: float = math.inf
    latencies: list[float] = field(default_factory=list)
    in_time: int = 0  # answers until the end
    errors: int = 0
    first_error: str = ""

    def __post_init__(self) -> None:
        self._bodies = [body.encode() for body in self.load.bodies]

    def body(self, number: int) -> bytes:
        return self._bodies[number % len(self._bodies)].replace(NUMBER, b"%d" % number)

    def start(self, now: float) -> None:
        self.begin, self.end = now + self.load.warm, now + self.load.warm + self.load.seconds

    def first_due(self, client: int) -> float:
        """When the client's first request is due: those of all clients follow each other evenly."""
        return self.begin - self.load.warm + (client / self.load.rate if self.load.rate else 0.0)

    def next_due(self, due: float, now: float) -> float:
        return due + self.load.clients / self.load.rate if self.load.rate else now

    def over(self, due: float) -> bool:
        """Whether a request due then is not sent any more."""
        return due >= self.end - SLACK and not self._goes_on(due)

    def _goes_on(self, now: float) -> bool:
        """Whether a closed loop has too few answers yet, at the end of its time."""
        late = now - self.begin - self.load.seconds
        return not self.load.rate and self.in_time + self.errors < self.load.least and late < PATIENCE

    def answered(self, due: float, now: float) -> None:
        if self.begin <= now and (now < self.end or self._goes_on(now)):
            self.in_time += 1
            self.end = max(self.end, now)
        if due >= self.begin - SLACK:
            self.latencies.append(now - due)

    def failed(self, why: str) -> None:
        self.errors += 1
        self.first_error = self.first_error or why

    def result(self, cpu: float, sent: int) -> Answered:
        ordered = sorted(latency * 1e3 for latency in self.latencies)
        p50, p99, p999 = (percentile(ordered, share) for share in (0.5, 0.99, 0.999))
        per_second = self.in_time / ((self.end - self.begin) or math.inf)
        each = cpu / max(sent, 1) * 1e6
        return Answered(len(ordered), self.errors, per_second, p50, p99, p999, each, self.first_error)


class Client(asyncio.Protocol):
    """One connection, and one request on it at a time. `over` is done after its last answer."""

    def __init__(self, run: Run, number: int, numbers: count) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._run, self._number, self._numbers = run, number, numbers
        self._head = f"POST {run.load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n".encode()
        self._due = 0.0
        self._waiting = False  # for an answer
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None  # sends the next request
        self._connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self._transport, _ = await self._loop.create_connection(lambda: self, "127.0.0.1", self._run.load.port)

    def start(self) -> None:
        self._schedule(self._run.first_due(self._number))

    def close(self) -> None:
        if not self.over.done():
            self.over.set_result(None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        now = time.monotonic()
        self._received, self._waiting = b"", False
        if head.startswith(b"HTTP/1.1 200"):
            self._run.answered(self._due, now)
        else:
            self._run.failed((head[:20] + body[:200]).decode(errors="replace"))
        self._schedule(self._run.next_due(self._due, now))

    def connection_lost(self, error: Exception | None) -> None:
        self._received = b""
        if self._timer:
            self._timer.cancel()
        if self.over.done():
            return
        if self._waiting:
            self._run.failed(f"connection lost: {error}")
            self._waiting = False
            self._due = self._run.next_due(self._due, time.monotonic())
        self._connecting = self._loop.create_task(self._connect_again())

    async def _connect_again(self) -> None:
        while not self._run.over(self._due):
            try:
                await self.connect()
            except OSError as error:
                self._run.failed(repr(error))
                self._due = self._run.next_due(self._due, time.monotonic() + RETRY)
                await asyncio.sleep(RETRY)
            else:
                return self._schedule(self._due)
        self.close()

    def _schedule(self, due: float) -> None:
        self._due = due
        if self._run.over(due):
            self.close()
        elif due <= time.monotonic():
            self._send()
        else:
            self._timer = self._loop.call_at(due, self._send)

    def _send(self) -> None:
        if self._transport.is_closing():  # `connection_lost` goes on
            return
        number = next(self._numbers)
        body = self._run.body(number)
        self._waiting = True
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))


async def drive(load: Load) -> Answered:
    """Open all connections, put the load on them, and wait for the answers."""
    run, numbers = Run(load), count(load.run * RUN)
    clients = [Client(run, number, numbers) for number in range(load.clients)]
    await asyncio.gather(*(client.connect() for client in clients))
    run.start(time.monotonic())
    started = time.process_time()
    for client in clients:
        client.start()
    ends = [client.over for client in clients]
    _, pending = await asyncio.wait(ends, timeout=load.warm + load.seconds + 2 * PATIENCE)
    for _ in pending:
        run.failed("no answer")
    return run.result(time.process_time() - started, next(numbers) - load.run * RUN)


def loop_for(load: Load) -> asyncio.AbstractEventLoop:
    """uvloop where only speed counts; a paced load needs timers that are more exact than a millisecond."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector()) if load.rate else uvloop.new_event_loop()


def main() -> None:
    load = Load(**json.load(sys.stdin))
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=lambda: loop_for(load)) as runner:
        print(json.dumps(asdict(runner.run(drive(load)))))


if __name__ == "__main__":
    main()
