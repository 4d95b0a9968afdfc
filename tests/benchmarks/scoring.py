"""`python -m tests.benchmarks.scoring`: how many messages `pipelines.score` answers a second, and in how much memory.

It scores a quarter, a half and all of the messages, and beside that, on the same machine in the same minutes, runs a
plain Python loop over the artifact, before and after, and MLflow's `spark_udf` on as many cores, on a quarter of the
messages. They are those of the main corpus, made different by a number.

Rates are a second of the clock, and a second of the processors, which other programs on the machine disturb less: that
of all processes of a run together. They are without the start: the loop and `spark_udf` begin with the model loaded,
and `pipelines.score` is measured from its first finished piece to its last, which takes some twenty pieces to mean
anything: 200,000 messages. On a machine that others use, read the loop before and the loop after first: where they
differ, so may all the rest.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import psutil
import pyarrow as pa
from pyarrow import parquet

from registry.model.artifact import Artifact
from registry.quick import QuickRegistry
from registry.settings import RegistrySettings
from registry.versions import CHAMPION

LOOP = 20_000  # messages of the plain loop, at most, each time
GROUP = 10_000  # rows of a row group
WARM = 20_000  # messages for `spark_udf` to load the model with
SAMPLE_EVERY = 0.5  # seconds


class Run(NamedTuple):
    """Messages, and the seconds that they took: of the clock, and of the processors."""

    rows: int
    seconds: float
    processor: float

    def faster(self, other: "Run") -> tuple[float, float]:
        """How many times the other's rate this one has, of the clock and of the processors."""
        messages = self.rows / other.rows
        return messages * other.seconds / self.seconds, messages * other.processor / self.processor

    def rates(self) -> str:
        return f"{self.rows / self.seconds:,.0f} a second, {self.rows / self.processor:,.0f} a second of processors"


class Watch:
    """What a process and all below it use, from the beginning to the end of a `with`, sampled in a thread."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self.memory: list[dict[str, float]] = []  # samples of {process: MiB}; of several workers, the largest
        self.used: dict[int, float] = {}  # {process id: seconds of the processors}
        self.totals: list[tuple[float, float]] = []  # samples of the time, in Unix seconds, and of all `used` together
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample_until_over)

    def __enter__(self) -> "Watch":
        self._sample()
        self.before, self.started = self.used, time.perf_counter()
        self.used, self.memory = {}, []
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self.started
        self.over.set()
        self.thread.join()

    def run(self, rows: int) -> Run:
        return Run(rows, self.seconds, sum(used - self.before.get(pid, 0) for pid, used in self.used.items()))

    def peaks(self, name: str) -> tuple[float, float]:
        """MiB, the peak of each half of the time."""
        values = [sample.get(name, 0.0) for sample in self.memory]
        half = len(values) // 2
        return max(values[:half]), max(values[half:])

    def _sample_until_over(self) -> None:
        while not self.over.wait(SAMPLE_EVERY):
            self._sample()

    def _sample(self) -> None:
        memory: dict[str, float] = defaultdict(float)
        with suppress(psutil.NoSuchProcess):
            for process in [self.process, *self.process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    self.used[process.pid] = times.user + times.system
                    java = "java" in process.name()
                    name = "the driver" if process == self.process else "Java" if java else "a worker"
                    memory[name] = max(memory[name], process.memory_info().rss / 2**20)
            self.memory.append(memory)
            self.totals.append((time.time(), sum(self.used.values())))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scoring", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="messages of the largest run; default 100,000")
    parser.add_argument("--corpus", type=Path, default=Path("data/SMSSpamCollection"), help="label, tab, text a line")
    args = parser.parse_args()
    texts = [line.partition("\t")[2] for line in args.corpus.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), texts, args.rows)


def measure(folder: Path, texts: list[str], rows: int) -> None:
    """Run everything, and print each figure as soon as it is there."""
    sizes = [rows // 4, rows // 2, rows]
    for size in sizes:
        write(folder / f"{size}.parquet", texts, size)
    write(folder / f"{WARM}.parquet", texts, WARM)
    loops = [plain_loop(texts, rows)]
    tell("a plain loop", loops[0])
    for size in sizes:
        run, ours, watch = score(folder / f"{size}.parquet", folder / f"out-{size}", size)
        used = f"{run.seconds:.0f} s, {run.processor:.0f} s of processors"
        print(f"pipelines.score, {size:,} messages: {used}", flush=True)
    tell("pipelines.score", ours)
    udf = spark_udf(folder, rows // 4)
    tell("spark_udf", udf)
    loops.append(plain_loop(texts, rows))
    tell("a plain loop", loops[1])
    loop = Run(*map(sum, zip(*loops, strict=True)))
    for name, other in (("a plain loop", loop), ("spark_udf", udf)):
        clock, processor = ours.faster(other)
        print(f"pipelines.score against {name}: {clock:.2f}; by seconds of processors {processor:.2f}")
    for name in ("the driver", "Java", "a worker"):
        first, second = watch.peaks(name)
        print(f"memory of {name}, at most: {first:,.0f} MiB in the first half, {second:,.0f} MiB in the second")


def tell(name: str, run: Run) -> None:
    print(f"{name}: {run.rates()}", flush=True)


def messages(texts: list[str], rows: int) -> Iterator[str]:
    """That many messages, none of them twice."""
    return (f"{text} {number}" for number, text in enumerate(islice(cycle(texts), rows)))


def write(file: Path, texts: list[str], rows: int) -> None:
    schema, waiting = pa.schema([("text", pa.string())]), messages(texts, rows)
    with parquet.ParquetWriter(file, schema) as writer:
        while group := list(islice(waiting, GROUP)):
            writer.write_table(pa.table({"text": group}, schema))


def plain_loop(texts: list[str], rows: int) -> Run:
    """One text after the other through the artifact, in this process."""
    settings = RegistrySettings()
    registry = QuickRegistry(settings.model_name, settings.mlflow_tracking_uri)
    with registry.files(registry.resolve(CHAMPION)) as folder:
        artifact = Artifact.load(folder)
    count, started, used = min(rows, LOOP), time.perf_counter(), time.process_time()
    for text in messages(texts, count):
        prediction = artifact.classify([text])[0]
        artifact.decision.label(prediction.probabilities)
    return Run(count, time.perf_counter() - started, time.process_time() - used)


def score(file: Path, output: Path, rows: int) -> tuple[Run, Run, Watch]:
    """Run the command as a process: the whole run, and what of it is without the start."""
    command = [sys.executable, "-m", "pipelines.score", file, output]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run, Watch(run.pid) as watch:
        run.wait()
    assert run.returncode == 0
    finished = [(part.stat().st_mtime, parquet.read_metadata(part).num_rows) for part in output.glob("part-*")]
    assert sum(count for _, count in finished) == rows
    return watch.run(rows), steady(finished, watch.totals), watch


def steady(finished: list[tuple[float, int]], totals: list[tuple[float, float]]) -> Run:
    """From the first finished piece to the last: the messages of all pieces but the first.

    `finished` has the time and the messages of each piece, `totals` times and the seconds of processors until then.
    """
    (first, _), *others = sorted(finished)
    last = others[-1][0]
    used = [max((used for at, used in totals if at <= moment), default=0.0) for moment in (first, last)]
    return Run(sum(count for _, count in others), last - first, used[1] - used[0])


def spark_udf(folder: Path, rows: int) -> Run:
    """MLflow's function, from Parquet to Parquet, with the model loaded in every worker."""
    import mlflow
    from pyspark.sql import SparkSession

    settings = RegistrySettings()
    mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
    mlflow.set_registry_uri(settings.mlflow_tracking_uri)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    options = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.files.maxPartitionBytes": "1m",  # a task for every few row groups, so that no core waits
        "spark.sql.files.openCostInBytes": "0",
    }
    with SparkSession.builder.master("local[*]").config(map=options).getOrCreate() as spark:
        uri = f"models:/{settings.model_name}@{CHAMPION}"
        classify = mlflow.pyfunc.spark_udf(spark, uri, env_manager="local")

        def run(size: int, output: str) -> None:
            table = spark.read.parquet(str(folder / f"{size}.parquet"))
            table.select("text", classify("text").alias("answer")).write.parquet(str(folder / output))

        run(WARM, "warm-up")
        with Watch(os.getpid()) as watch:
            run(rows, "udf")
        return watch.run(rows)


if __name__ == "__main__":
    main()
