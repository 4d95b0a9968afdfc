"""A load generator: clients that keep their connection and send the next request when the last is answered.

Runs in a process of its own, as clients do, so that it shares neither interpreter nor event loop with who starts it.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Load:
    """POSTs to `path` for `seconds`. `body` is JSON; a `{n}` in it becomes a number that is never sent twice."""

    port: int
    path: str
    body: str
    clients: int
    seconds: float
    run: int  # numbers begin at run * 10,000,000, so that no run repeats another's


@dataclass(frozen=True)
class Measured:
    """Requests a second, and milliseconds that half and all but a hundredth of them stayed below."""

    per_second: float
    p50: float
    p99: float


def measure(load: Load) -> Measured:
    """Put the load on the service. Raises CalledProcessError when an answer is not 200."""
    command = [sys.executable, "-m", "tests.benchmarks.load", json.dumps(asdict(load))]
    return Measured(**json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


async def _drive(load: Load) -> Measured:
    numbers = iter(range(load.run * 10_000_000, (load.run + 1) * 10_000_000))
    end = time.perf_counter() + load.seconds
    clients = await asyncio.gather(*(_client(load, numbers, end) for _ in range(load.clients)))
    times = [seconds for client in clients for seconds in client]
    cuts = statistics.quantiles(times, n=100)
    return Measured(len(times) / load.seconds, cuts[49] * 1e3, cuts[98] * 1e3)


async def _client(load: Load, numbers, end: float) -> list[float]:
    """One connection's times from request to answer, in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", load.port)
    times = []
    while (start := time.perf_counter()) < end:
        body = load.body.replace("{n}", str(next(numbers))).encode()
        head = f"POST {load.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        answered = await reader.readuntil(b"\r\n\r\n")
        if not answered.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answered.decode())
        length = int(answered.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - start)
    writer.close()
    return times


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_drive(Load(**json.loads(sys.argv[1])))))))
