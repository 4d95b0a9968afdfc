"""`python -m tests.benchmarks.churn`: load while versions are promoted, rolled back and routed every second.

Every answer is checked against the version that it names, and every answered call is looked for in the log. The exit
status is 1 when a call failed, an answer was wrong or a call is not in the log. The log is of one hour: where that ends
too soon, the load waits for the next one. The versions are toys, whose probabilities are known; the registry, the
services, the store and the load are real.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import httpx

from registry.promote import promote, rollback
from registry.route import Routing, set_routing
from registry.thresholds import thresholds_from
from registry.versions import Registry
from tests.server import PATIENCE, ROOT, Server
from tests.toy import probability
from tests.toyregistry import MODEL_NAME, add_version, make_registry

BIASES = {"1": -1.0, "2": -4.0, "3": 1.0}
POLL_INTERVAL = 1.0  # seconds
LONGEST = 3_000.0  # seconds of load, since the log is of one hour
TEXTS = ("free lunch {n}", "win cash {n}", "home later {n}", "a prize {n}")


@dataclass
class Seen:
    """What the clients were told, and how often each version told it."""

    failures: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    logged: int = 0


def put_load(urls: list[str], clients: int, seconds: float) -> Seen:
    """Ask for so long, each client from an address of its own; then count what each finds in its log."""
    seen = Seen()

    async def all_clients() -> None:
        end = time.monotonic() + seconds
        await asyncio.gather(*(_client(urls[n % len(urls)], n, end, seen) for n in range(clients)))

    asyncio.run(all_clients())
    return seen


async def _client(url: str, n: int, end: float, seen: Seen) -> None:
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.4.{n + 1}")
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=PATIENCE) as client:
        for i in itertools.count():
            if time.monotonic() > end:
                break
            # every other text is new, the others come from the cache
            text = TEXTS[i % len(TEXTS)].format(n=f"{n} {i}" if i % 2 else i % 50)
            await _ask(client, text, seen)
        log = await client.get("/recent_log")
        seen.logged += len(log.json())


async def _ask(client: httpx.AsyncClient, text: str, seen: Seen) -> None:
    try:
        response = await client.post("/prediction", json={"text": text})
        response.raise_for_status()
    except httpx.HTTPError as error:
        seen.failures.append(repr(error))
        return
    answer = response.json()
    version = answer["model_version"]
    seen.versions[version] += 1
    if abs(answer["prediction"]["spam"] - probability(text, BIASES[version])) > 1e-5:
        seen.wrong.append(f"{text!r}: {answer}")


class Operator:
    """Changes the registry every second, and notes how long a new champion takes to answer on every service."""

    def __init__(self, models: Registry, urls: list[str]) -> None:
        self.models = models
        self.urls = urls
        self.thresholds = thresholds_from(ROOT / "params.yaml")
        self.delays: list[float] = []
        self.changes = 0

    def work_until(self, done: Callable[[], bool]) -> None:
        for change in itertools.cycle(self._turn()):
            if done():
                return
            change()
            self.changes += 1
            time.sleep(1)

    def _turn(self) -> list[Callable[[], None]]:
        return [
            lambda: self._promote("3"),
            lambda: set_routing(self.models, Routing({"challenger": 30.0}, "challenger")),
            lambda: self._promote("2"),
            lambda: self._back(),
            lambda: set_routing(self.models, Routing()),
            lambda: self._promote("1"),
        ]

    def _promote(self, number: str) -> None:
        promote(self.models, number, self.thresholds, why="churn")
        self._wait_for(number)

    def _back(self) -> None:
        rollback(self.models)
        self._wait_for(self.models.resolve("champion").number)

    def _wait_for(self, number: str) -> None:
        started = time.monotonic()
        while any(httpx.get(f"{url}/versions").json()["default"] != number for url in self.urls):
            time.sleep(0.02)
        self.delays.append(time.monotonic() - started)


def run(seconds: float, clients: int, workers: int, services: int, **settings: str) -> bool:
    """Print what happened; return whether all went well."""
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        uri = make_registry(Path(scratch), BIASES["1"], BIASES["2"])
        add_version(Path(scratch), uri, BIASES["3"])
        settings |= {"MLFLOW_TRACKING_URI": uri, "WORKERS": str(workers), "POLL_INTERVAL": str(POLL_INTERVAL)}
        servers = []
        for n in range(services):
            folder = Path(scratch, f"service{n}")
            folder.mkdir()
            servers.append(stack.enter_context(Server(folder, SPOOL_PATH=str(folder / "spool.db"), **settings)))
        urls = [server.url for server in servers]
        operator = Operator(Registry(MODEL_NAME, uri), urls)
        print(f"{seconds:.0f} s of load, in the next hour where this one ends too soon", flush=True)
        _await_an_hour_with(seconds + PATIENCE)
        with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
            load = elsewhere.submit(put_load, urls, clients, seconds)
            operator.work_until(load.done)
        return _tell(load.result(), operator, seconds)


def _await_an_hour_with(seconds: float) -> None:
    """Return while so much of an hour is left: at once, or when the next hour begins. /recent_log is of one hour."""
    while (left := 3_600 - time.time() % 3_600) < seconds:
        time.sleep(left)


def _tell(seen: Seen, operator: Operator, seconds: float) -> bool:
    answered, delays = seen.versions.total(), sorted(operator.delays)
    by_version = ", ".join(f"{count} by version {version}" for version, count in sorted(seen.versions.items()))
    print(
        f"{answered} calls answered in {seconds:.0f} s ({by_version}), {len(seen.failures)} failed", *seen.failures[:3]
    )
    print(f"{len(seen.wrong)} answers are not what the version that they name would give", *seen.wrong[:3])
    print(f"{seen.logged} calls are in the log")
    print(f"{operator.changes} changes; a new champion answered after {delays[len(delays) // 2]:.1f} s", end=" ")
    print(f"(median; {delays[-1]:.1f} s at most) with a poll interval of {POLL_INTERVAL:.0f} s")
    return not seen.failures and not seen.wrong and seen.logged == answered


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.churn", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1, help="of each service")
    parser.add_argument("--services", type=int, default=1, help="more than one need --cassandra: they share it")
    parser.add_argument("--cassandra", action="store_true", help="a node of its own as the store, else SQLite")
    wanted = vars(parser.parse_args())
    if wanted["seconds"] > LONGEST:
        parser.error(f"--seconds can be {LONGEST:.0f} at most: the log is of one hour")
    if not wanted.pop("cassandra"):
        if wanted["services"] > 1:
            parser.error("several services count their calls in one log: add --cassandra")
        sys.exit(not run(**wanted))
    from tests.benchmarks.node import node

    with node() as database:
        sys.exit(not run(**wanted, **database.settings))


if __name__ == "__main__":
    main()
