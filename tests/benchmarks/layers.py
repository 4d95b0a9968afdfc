"""`python -m tests.benchmarks.layers`: where the microseconds of a request go, part by part, in one process.

Each part is called alone: `calls` of them one after the other, or 32 at a time. Wall time has the waiting for a disk or
a database in it, processor time is what this process computed, all its threads together. The parts lie in each other:
the application has the predictor in it, which has the store and the model. Only the web server, that is, the
reading of HTTP from a socket and the writing to it, is in none of them.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from fastapi import FastAPI

from bentos.answering.memory_cache import MemoryCache
from bentos.http.app import create_app
from bentos.http.context import Service
from bentos.monitoring.metrics import Metrics
from bentos.monitoring.worker_metrics import share
from bentos.process.worker import make_service
from bentos.settings import Settings
from bentos.store import Call, Store, timeuuid
from bentos.store.backends import open_store
from bentos.versions.loaded import CurrentVersions, LoadedVersion, ServedVersions
from registry.model.artifact import Artifact
from registry.versions import CHAMPION, Version
from tests.project import ROOT

TEXT = "free call me later about lunch at home and the prize will be yours"
CALLER = "127.0.0.1"
AT_ONCE = 32
PATIENT = 5.0  # seconds: a node that has just started may take long over a statement

Part = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def service(settings: Settings, artifact: Path, folder: Path) -> AsyncIterator[Service]:
    """The parts of a worker around one version."""
    model = Artifact.load(artifact)
    version = Version("1", (CHAMPION,), model.digest, "measured", datetime.now(UTC), {})
    current = CurrentVersions(ServedVersions((LoadedVersion(version, model),)))
    store = await open_store(settings)
    measured = make_service(settings, current, store, Metrics(share(folder, 0)))
    try:
        yield measured
    finally:
        measured.pool.close()
        await store.close()


def parts(service: Service) -> dict[str, Part]:
    """What is measured, by name; each call has another text where it is not to be found in a cache."""
    app, predictor, store, version = create_app(service), service.predictor, service.store, service.served.default
    numbers = itertools.count()
    memory, nothing = predictor.memory, MemoryCache(0)

    def new() -> str:
        return f"{next(numbers)} {TEXT}"

    async def model() -> None:
        version.model.classify([new()])

    async def answer(text: str, kept: MemoryCache) -> None:
        predictor.memory = kept
        await predictor.answer(version, [text], CALLER, False, None, CHAMPION, True)

    async def ask(text: str, kept: MemoryCache) -> None:
        predictor.memory = kept
        await call(app, text)

    return {
        "model": model,
        "store: look up": lambda: store.get(version.key, [new()]),
        "store: log": lambda: store.log([a_call(new())]),
        "store: log and cache": lambda: both(store, version.key, new()),
        "predictor, from memory": lambda: answer(TEXT, memory),
        "predictor, from the store": lambda: answer(TEXT, nothing),
        "predictor, by the model": lambda: answer(new(), memory),
        "application, from memory": lambda: ask(TEXT, memory),
        "application, from the store": lambda: ask(TEXT, nothing),
        "application, by the model": lambda: ask(new(), memory),
        "application, /livez": lambda: call(app, None),
    }


def a_call(text: str) -> Call:
    return Call(CALLER, timeuuid.now(), text, "1-00000000", "ham", False, 0.9, CHAMPION)


async def both(store: Store, key: str, text: str) -> None:
    await asyncio.gather(store.log([a_call(text)]), store.put(key, {text: {"ham": 0.9, "spam": 0.1}}))


async def call(app: FastAPI, text: str | None) -> None:
    """Pass a request to the application as the web server would: POST /prediction, or GET /livez without a text."""
    body = b"" if text is None else json.dumps({"text": text}).encode()
    headers = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    path, method = ("/livez", "GET") if text is None else ("/prediction", "POST")
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http", "headers": headers}
    scope |= {"client": (CALLER, 1), "server": (CALLER, 2), "state": {}}
    status = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        status.append(message.get("status"))

    await app(scope, receive, send)
    assert status[0] == 200, status


async def measure(part: Part, calls: int, at_once: int) -> tuple[float, float]:
    """Microseconds of wall time and of processor time that a call takes when `at_once` of them are under way."""
    left = iter(range(calls))

    async def client() -> None:
        for _ in left:
            await part()

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(at_once)))
    return (time.perf_counter() - wall) / calls * 1e6, (time.process_time() - cpu) / calls * 1e6


async def run(settings: Settings, artifact: Path, calls: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        async with service(settings, artifact, Path(scratch)) as measured:
            print(f"{measured.store.name}; microseconds a call{'':13}one at a time{'':8}{AT_ONCE} at a time")
            print(f"{'':30}{'wall':>12}{'processor':>12}{'wall':>12}{'processor':>12}")
            for name, part in parts(measured).items():
                figures = []
                for at_once in (1, AT_ONCE):
                    await measure(part, calls // 4, at_once)  # warm
                    several = [await measure(part, calls, at_once) for _ in range(rounds)]
                    figures += [min(values) for values in zip(*several, strict=True)]
                print(f"{name:30}" + "".join(f"{value:12.0f}" for value in figures), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.layers", description=__doc__.partition("\n")[0])
    parser.add_argument("--artifact", type=Path, default=ROOT / "build/linear/artifact", help="default: %(default)s")
    parser.add_argument("--cassandra", action="store_true", help="a node of its own as the store, else SQLite")
    parser.add_argument("--calls", type=int, default=2_000, help="of each part, a round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the quickest is told (default: %(default)s)")
    args = parser.parse_args()
    from tests.benchmarks.node import node

    with tempfile.TemporaryDirectory() as folder, node() if args.cassandra else nullcontext() as database:
        own = {"sqlite_path": f"{folder}/spam.db", "spool_path": f"{folder}/spool.db", "cache_timeout": PATIENT}
        own |= {name.lower(): value for name, value in database.settings.items()} if database else {}
        settings = Settings(_env_file=None, **own)
        uvloop.run(run(settings, args.artifact, args.calls, args.rounds))


if __name__ == "__main__":
    main()
