"""Reads the service's store through `python -m bentos export`, so that nothing of the service is imported."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Outcome(NamedTuple):
    """How an export ended: its exit status, not 0 where rows may be missing, and what it printed beside the rows."""

    status: int
    printed: str

    @property
    def error(self) -> str:
        """The service's own sentence, of an export that failed."""
        return self.printed.rpartition("error: ")[2].strip()


def exported(row: Callable[..., T], *words: str) -> Generator[T, None, Outcome]:
    """Yield each row of `python -m bentos export WORDS`, made by `row` from its fields; returns how it ended."""
    command = [sys.executable, "-m", "bentos", "export", *words]
    with tempfile.TemporaryFile("w+") as messages:  # a pipe that is read last would block the export when it is full
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, text=True) as export:
            for line in export.stdout:
                yield row(**json.loads(line))
        messages.seek(0)
        return Outcome(export.returncode, messages.read())
