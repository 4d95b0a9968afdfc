"""The session of Spark that scores the pieces, and the sentences for what it lacks."""

import os
import re
import shutil
import signal
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.scoring.pieces import Piece
from pipelines.scoring.worker import Job, PieceError, score

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
SHIPPED = ("registry/**/*.py", "pipelines/__init__.py", "pipelines/scoring/*.py")  # what a worker imports
PROGRESS_EVERY = 10.0  # seconds
LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %p %c{1}: %m%n
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.hosts.name = org.apache.spark.util.Utils
logger.hosts.level = error
# what a task that fails says is told once, as the command's own sentence
logger.tasks.name = org.apache.spark.scheduler.TaskSetManager
logger.tasks.level = off
logger.executor.name = org.apache.spark.executor.Executor
logger.executor.level = off
"""


class SparkError(Exception):
    """Spark is missing, does not start, or fails; the message says why."""


def check_spark() -> None:
    """Raises SparkError without the package or without Java, before anything is written."""
    try:
        import pyspark  # noqa: F401
    except ModuleNotFoundError as error:
        raise SparkError("this needs the package pyspark; `pip install 'sms-spam[spark]'` brings it") from error
    home = os.environ.get("JAVA_HOME")
    if not shutil.which("java", path=f"{home}/bin" if home else None):
        where = f"JAVA_HOME, {home}, has no bin/java" if home else "there is no `java` on the PATH"
        raise SparkError(f"Spark needs Java 17 or newer, and {where}")


def run(
    pieces: Sequence[Piece],
    job: Job,
    model: Path,
    master: str,
    settings: Iterable[tuple[str, str]],
    report: Callable[[int], None],
) -> None:
    """Score the pieces with the version whose files are in the folder `model`.

    `report` gets the number of rows done so far, from time to time. Raises PieceError, SparkError.
    """
    with errors(), tempfile.TemporaryDirectory() as scratch, session(master, settings, Path(scratch)) as spark:
        context = spark.sparkContext
        context.addPyFile(str(sources(Path(scratch))))
        for file in sorted(model.iterdir()):  # a folder goes to no cluster
            context.addFile(str(file))
        done = context.accumulator(0)

        def score_one(piece: Piece) -> None:
            done.add(sum(score(piece, job)))

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(context.parallelize(pieces, len(pieces)).foreach, score_one)
            try:
                while wait([running], PROGRESS_EVERY).not_done:
                    report(done.value)
                running.result()
            except BaseException:  # Ctrl-C too: what Spark says of tasks that end early is nothing new
                context.setLogLevel("OFF")
                context.cancelAllJobs()
                raise


@contextmanager
def session(master: str, settings: Iterable[tuple[str, str]], scratch: Path) -> Iterator["SparkSession"]:
    """A session that says nothing but warnings."""
    import warnings

    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # none is used
    from pyspark.sql import SparkSession

    logging = scratch / "log4j2.properties"
    logging.write_text(LOGGING)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    options = {
        "spark.driver.memory": "512m",  # the rows are not in Java
        "spark.python.worker.reuse": "true",  # so that a worker loads the model once
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logging.as_uri()}",
    } | dict(settings)
    builder = SparkSession.builder.master(master).appName("sms-spam score")
    for name, value in options.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Spark's own calls Java in the midst of another call
    try:
        yield spark
    finally:
        spark.stop()


def sources(folder: Path) -> Path:
    """A ZIP file of the modules that a worker imports, for the workers of a cluster."""
    archive = folder / "sms-spam-sources.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for pattern in SHIPPED:
            for module in sorted(ROOT.glob(pattern)):
                file.write(module, module.relative_to(ROOT))
    return archive


@contextmanager
def errors() -> Iterator[None]:
    """Raise PieceError for what a worker said, SparkError for anything else that Spark raises."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JError, PySparkException) as error:
        raise explained(str(error)) from error


def explained(message: str) -> PieceError | SparkError:
    """The error for Spark's message, which has the traceback of a worker where one failed."""
    if said := re.search(rf"\b{PieceError.__name__}: (.+)", message):
        return PieceError(said[1])
    first = next((line.strip() for line in message.splitlines() if line.strip()), "no reason given")
    causes = re.findall(r"^(?:Caused by: |: )?([\w.$]+(?:Exception|Error): .+)$", message, re.M)
    return SparkError(f"Spark failed: {causes[-1] if causes else first}")
