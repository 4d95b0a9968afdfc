"""The service's call log as input, and its cache as output, through `python -m bentos`: nothing of it is imported.

There is no connector between this Spark and Cassandra (Spark Cassandra Connector 3.5 is for Spark 3.5), so one process
beside the driver reads the log, and one writes the cache, with the store's own statements.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from pipelines.scoring.folder import OutputFolder
from registry.service_export import exported

TEXT, ID = "text", "id"  # the fields of an exported call
ROWS = 2_000  # of a part in memory at once


class ServiceError(Exception):
    """The service's store cannot be read or written; the message is its own sentence."""


class LoggedText(NamedTuple):
    """A call of the log."""

    id: str
    text: str


def copy_calls(folder: OutputFolder, since: datetime) -> Path:
    """The calls since then as JSON lines in the folder, read when there is no copy yet: a run that goes on takes the
    same ones. Raises ServiceError, OSError.
    """
    copy = folder.path / "_input" / "calls.jsonl"
    if copy.exists():
        return copy
    copy.parent.mkdir(exist_ok=True)
    with folder.new(copy) as file:
        for call in _calls(since):
            file.write(json.dumps(call._asdict()).encode() + b"\n")
    if not copy.exists():
        raise ServiceError(f"the call log has no call since {since.isoformat()}")
    return copy


def _calls(since: datetime) -> Iterator[LoggedText]:
    outcome = yield from exported(LoggedText, "texts", "--since", since.isoformat())
    if outcome.status:
        raise ServiceError(f"the call log cannot be read: {outcome.error}")


def fill_cache(folder: OutputFolder, key: str, report: Callable[[int], None]) -> int:
    """Put the rows of all parts into the cache, under the version's `key`; returns how many.

    A part that the store has acknowledged is not sent again. Raises ServiceError, OSError.
    """
    stored = folder.path / "_stored"
    stored.mkdir(exist_ok=True)
    count = 0
    with _warming() as warming:
        for number in sorted(folder.finished()):
            if not (stored / str(number)).exists():
                count += _send(folder.part(number), key, warming)
                (stored / str(number)).touch()
                report(count)
    return count


class Warming(NamedTuple):
    """`python -m bentos warm` and what it says on standard error."""

    process: subprocess.Popen[str]
    messages: IO[str]

    def error(self) -> ServiceError:
        self.process.stdin.close()
        self.process.wait()
        self.messages.seek(0)
        said = self.messages.read().rpartition("error: ")[2].strip()
        return ServiceError(f"the cache cannot be written: {said}")


@contextmanager
def _warming() -> Iterator[Warming]:
    command = [sys.executable, "-m", "bentos", "warm"]
    with (
        tempfile.TemporaryFile("w+") as messages,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages, text=True, encoding="utf-8"
        ) as process,
    ):
        warming = Warming(process, messages)
        try:
            yield warming
            process.stdin.close()
            if process.wait():
                raise warming.error()
        except BrokenPipeError:
            raise warming.error() from None


def _send(part: Path, key: str, warming: Warming) -> int:
    """Send the part's rows, and wait until they are stored."""
    rows = 0
    for row in _rows(part):
        line = {name: row[name] for name in ("text", "probabilities", "unfamiliar")} | {"version": key}
        warming.process.stdin.write(json.dumps(line) + "\n")
        rows += 1
    warming.process.stdin.write("\n")
    warming.process.stdin.flush()
    if not warming.process.stdout.readline():
        raise warming.error()
    return rows


def _rows(part: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with parquet.ParquetFile(part) as content:
        for batch in content.iter_batches(ROWS):
            yield from batch.to_pylist()
