"""`python -m tests.benchmarks.growth`: what grows how fast with the corpus, the call log, the keys and the versions.

Each thing is measured at several sizes in one run. The exponent says how its seconds grow: with 1 they grow as the
size, with 2 as its square; it is the slope of a line through the logarithms. Memory is the most that a process had
resident, in MiB.
"""

import argparse
import asyncio
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from bentos.store import Call, Correction, timeuuid
from bentos.store.sqlite.store import SQLiteStore
from pipelines.data.corpus import read_all
from pipelines.params import Corpus
from tests.project import ROOT, Project
from tests.server import Server
from tests.toyregistry import add_version, make_registry

PLOT, TABLE = Path("build/growth.png"), Path("build/growth.json")
CALLER = "127.0.0.1"
MODEL = ROOT / "build/lstm/artifact"
PAGE = 10_000  # rows of one write


class Measured(NamedTuple):
    """What a thing of this size took."""

    what: str
    size: int
    seconds: float
    memory: int | None = None  # MiB


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--corpus", type=int, nargs="+", default=[1, 10], help="how many times the corpus's messages")
    parser.add_argument("--prepared", type=int, nargs="*", default=[100], help="the same, through prepare alone")
    parser.add_argument("--calls", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="rows of the log")
    parser.add_argument("--keys", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--versions", type=int, nargs="+", default=[1, 5, 20], help="how many are served")
    args = parser.parse_args()
    rows: list[Measured] = []
    for measured in everything(args):
        memory = f"{measured.memory:8,} MiB" if measured.memory is not None else ""
        print(f"{measured.what:24}{measured.size:12,}{measured.seconds:10.2f} s{memory}", flush=True)
        rows.append(measured)
    write(rows)


def everything(args: argparse.Namespace) -> Iterator[Measured]:
    for size in sorted({*args.corpus, *args.prepared}):
        yield from stages(size, trained=size in args.corpus)
    for size in args.calls:
        yield from log(size)
    for size in args.keys:
        yield keys(size)
    for size in args.versions:
        yield from served(size)


def stages(factor: int, trained: bool) -> Iterator[Measured]:
    """The pipeline on the main corpus and `factor - 1` copies of it, each message of which has some other words."""
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        size = write_copies(Path(folder) / "data/own.csv", factor)
        project.change(corpora=[{"name": "own", "path": "data/own.csv"}], **{"variants.workshop.corpora": None})
        project.change(
            **{"variants.linear.corpora": None, "variants.linear.slots": 0, "variants.linear.wide.weights": {}}
        )
        for name, words in (
            ("prepare", "none.csv build/prepared build/outside"),
            ("baseline", "build/prepared build/baseline"),
            ("train", "linear build/prepared build/linear/model"),
            ("export", "linear build/prepared build/linear/model build/linear/artifact"),
            (
                "evaluate",
                "linear build/prepared build/outside build/linear/artifact build/baseline "
                "build/linear/model/curves.csv pipelines/search/crossval.json build/evaluation build/report.html",
            ),
        ):
            yield run(f"stage {name}", size, [sys.executable, "-m", f"pipelines.{name}", *words.split()], cwd=folder)
            if not trained:
                return


def write_copies(path: Path, factor: int) -> int:
    """Write the corpus's messages and their copies, with about every eighth word exchanged; how many there are."""
    corpus = read_all([Corpus(name="sms", path=ROOT / "data/SMSSpamCollection")])["sms"].rows
    draw = random.Random(1)
    words = [word for text in corpus["text"] for word in text.split()]
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["label", "text"])
        for copy in range(factor):
            for label, text in zip(corpus["label"], corpus["text"], strict=True):
                own = text.split()
                for _ in range(len(own) // 8 + 1 if copy and own else 0):
                    own[draw.randrange(len(own))] = draw.choice(words)
                rows.writerow([label, " ".join(own)])
    return factor * len(corpus)


def log(size: int) -> Iterator[Measured]:
    """The call log of one caller's hour, and as many corrections, read back by all that read them."""
    with tempfile.TemporaryDirectory() as folder:
        uri = make_registry(Path(folder))
        database = Path(folder) / "spam.db"
        _start_of_an_hour(size)
        asyncio.run(fill(database, size))
        settings = os.environ | {"SQLITE_PATH": str(database), "MLFLOW_TRACKING_URI": uri}
        with Server(Path(folder), MLFLOW_TRACKING_URI=uri, SQLITE_PATH=str(database)) as server:
            (worker,) = server.workers()
            before, start = peak(worker), time.perf_counter()
            with server.client() as client, client.stream("GET", "/recent_log", timeout=600) as answer:
                rows = sum(chunk.count(b'"called_at"') for chunk in answer.iter_bytes())
            assert rows == size, f"/recent_log gave {rows} of {size} rows"
            yield Measured("/recent_log", size, time.perf_counter() - start, peak(worker))
            assert before <= peak(worker)
        for what, words in (
            ("registry drift", ["-m", "registry", "drift", "--hours", "2", "--json"]),
            ("pipelines.collect", ["-m", "pipelines.collect", "--output", f"{folder}/feedback.csv"]),
        ):
            yield run(what, size, [sys.executable, *words], cwd=ROOT, env=settings)


async def fill(database: Path, size: int) -> None:
    """Log calls and corrections as the service does."""
    store = await SQLiteStore.open(database)
    texts = (f"call me back about number {n}, lunch at home" for n in range(size))
    while page := list(islice(texts, PAGE)):
        await store.log([Call(CALLER, timeuuid.now(), text, "1-00000000", "ham", False) for text in page])
        await store.correct([Correction(CALLER, timeuuid.now(), text, "spam") for text in page])
    await store.close()


def _start_of_an_hour(size: int) -> None:
    """/recent_log shows the calls of this hour: wait for the next one where it is too near."""
    now = datetime.now(UTC)
    left = 3600 - now.minute * 60 - now.second
    if left < 60 + size / 5_000:
        print(f"{'':24}waiting {left} s for the next hour", flush=True)
        time.sleep(left)


def keys(size: int) -> Measured:
    """Where Cassandra's ring has the cache's rows: their tokens, and how evenly these are spread over 48 ranges."""
    from cassandra.cmurmur3 import murmur3

    counts, start = [0] * 48, time.perf_counter()
    for n in range(size):
        token = murmur3(b"\x00\x0a3-9f3c1a7b\x00" + b"call me back about number %d" % n + b"\x00")
        counts[(token + 2**63) * 48 >> 64] += 1
    spread = max(counts) / (size / 48)
    return Measured(f"keys (fullest {spread:.3f})", size, time.perf_counter() - start)


def served(count: int) -> Iterator[Measured]:
    """A service of so many versions of the real model `lstm`: the start, and its processes' memory."""
    with tempfile.TemporaryDirectory() as folder:
        uri = f"sqlite:///{folder}/mlflow.db"
        for n in range(count):
            add_version(Path(folder), uri, float(n), None if n else "champion", wrong=n, artifact=MODEL)
        start = time.perf_counter()
        with Server(Path(folder), MLFLOW_TRACKING_URI=uri, SERVED_VERSIONS="all") as server:
            while len(server.get("/versions").json().get("versions", [])) < count:
                time.sleep(0.05)
            seconds = time.perf_counter() - start
            yield Measured("versions served", count, seconds, peak(server.workers()[0]))


def run(what: str, size: int, command: Sequence[str], **options: Any) -> Measured:
    """The time and the most memory of a command, without its children."""
    start, memory = time.perf_counter(), 0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
        while process.poll() is None:
            with suppress(FileNotFoundError, ProcessLookupError, ValueError):
                memory = max(memory, peak(process.pid))
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        output.seek(0)
        assert process.returncode == 0, output.read().decode()[-2000:]
    return Measured(what, size, seconds, memory)


def peak(pid: int) -> int:
    """The most memory that a process has had resident, in MiB."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of the least-squares line through the logarithms."""
    x, y = [math.log(size) for size in sizes], [math.log(value) for value in seconds]
    middle = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - middle[0]) * (b - middle[1]) for a, b in zip(x, y, strict=True))
    return over / sum((a - middle[0]) ** 2 for a in x)


def write(rows: list[Measured]) -> None:
    """Print the exponents, and write all rows and a plot."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_name: dict[str, list[Measured]] = {}
    for row in rows:
        by_name.setdefault(row.what.partition(" (")[0], []).append(row)
    figure, axes = pyplot.subplots(figsize=(9, 4), layout="constrained")
    for what, own in by_name.items():
        sizes, seconds = [row.size for row in own], [row.seconds for row in own]
        slope = exponent(sizes, seconds) if len(own) > 1 else math.nan
        print(f"{what:24}exponent {slope:5.2f}, of its last step {last_exponent(own):5.2f}")
        axes.plot(sizes, seconds, marker="o", label=f"{what}: {slope:.2f}")
    axes.set(xscale="log", yscale="log", xlabel="messages, rows, keys or versions", ylabel="seconds")
    figure.legend(title="exponent", loc="outside right upper")
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=150)
    TABLE.write_text(json.dumps([row._asdict() for row in rows], indent=2) + "\n")
    print(f"plot: {PLOT}, table: {TABLE}")


def last_exponent(rows: list[Measured]) -> float:
    """From the size before the last: a start that takes the same time for every size hides less of the growth."""
    return exponent([row.size for row in rows[-2:]], [row.seconds for row in rows[-2:]]) if len(rows) > 1 else math.nan


if __name__ == "__main__":
    main()
