"""The folder that scoring writes: a run that was killed is continued there, and nothing else is.

| in the folder | what |
| --- | --- |
| part-NUMBER.parquet | the rows of a piece, in the order of the input; its metadata have its counts |
| _rejected/part-NUMBER.jsonl | the rows of the piece that were not scored: file, line, reason, content |
| _manifest.json | what the folder was begun with: input, columns, model |
| _summary.json | the counts of all pieces, once all are finished |
| _input, _stored | a copy of the call log; the pieces that the cache has |
| _tmp, _lock | files that are not whole yet; who writes |

A name that begins with `_` is none of the data to Spark, pandas and PyArrow.
"""

import json
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from registry.file_lock import file_lock

COUNTS = b"counts"  # in the metadata of a part
BEFORE_MANIFEST = {"_lock", "_input", "_tmp", "_rejected"}  # what a run leaves that was killed before it began to score


class OutputError(Exception):
    """The output cannot be written or continued; the message says why."""


class OutputFolder:
    """The folder at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = path / "_manifest.json"
        self._summary = path / "_summary.json"

    def part(self, number: int) -> Path:
        return self.path / f"part-{number:06}.parquet"

    def rejected(self, number: int) -> Path:
        return self.path / "_rejected" / f"part-{number:06}.jsonl"

    def check(self) -> None:
        """Raises OutputError for something that scoring did not write."""
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise OutputError(f"{self.path} is a file: OUTPUT is a folder")
        if not self.manifest.exists() and {file.name for file in self.path.iterdir()} - BEFORE_MANIFEST:
            raise OutputError(
                f"{self.path} holds files that are not of this command: name a folder that is new or empty"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and be the one who writes it; what an earlier run did not finish is deleted.

        Raises OutputError, OSError.
        """
        for folder in (self.path, self.path / "_tmp", self.path / "_rejected"):
            folder.mkdir(parents=True, exist_ok=True)
        with file_lock(self.path / "_lock") as lock:
            if lock is None:
                raise OutputError(f"{self.path} is being written by another run")
            self._delete_unfinished()
            try:
                yield
            finally:
                self._delete_unfinished()

    def _delete_unfinished(self) -> None:
        for file in (self.path / "_tmp").iterdir():
            file.unlink(missing_ok=True)

    def begin(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, or see that the folder was begun with this one. Raises OutputError, OSError."""
        if not self.manifest.exists():
            with self.new(self.manifest) as file:
                file.write(json.dumps(manifest, indent=2).encode() + b"\n")
            return
        try:
            before = dict(json.loads(self.manifest.read_text()))
        except (ValueError, TypeError) as error:
            raise OutputError(f"{self.manifest} is not of this command") from error
        for name, value in manifest.items():
            if before.get(name) != value:
                raise OutputError(f"{self.path} was begun with {_difference(name, before.get(name), value)}")

    def end(self, summary: dict[str, Any]) -> None:
        """Write the summary, and delete the copy of the call log. Raises OSError."""
        with self.new(self._summary) as file:
            file.write(json.dumps(summary, indent=2).encode() + b"\n")
        shutil.rmtree(self.path / "_input", ignore_errors=True)

    def summary(self) -> dict[str, Any] | None:
        """What `end` wrote; None before."""
        return json.loads(self._summary.read_text()) if self._summary.exists() else None

    def finished(self) -> set[int]:
        """The numbers of the pieces that are whole."""
        names = (entry.name for entry in os.scandir(self.path))
        return {int(name[5:-8]) for name in names if name.startswith("part-") and name.endswith(".parquet")}

    def counts(self) -> dict[str, Counter[str]]:
        """The rows of all finished pieces by label, by verdict and, of those put aside, by reason."""
        from pyarrow import parquet

        total = {"labels": Counter(), "verdicts": Counter(), "rejected": Counter()}
        for number in self.finished():
            metadata = parquet.read_metadata(self.part(number)).metadata
            for name, counts in json.loads(metadata[COUNTS]).items():
                total[name].update(counts)
        return total

    @contextmanager
    def new(self, path: Path) -> Iterator[IO[bytes]]:
        """A file that appears at `path` after the block, once it is on the disk; not where the block raises.

        An empty one does not appear.
        """
        part = self.path / "_tmp" / uuid.uuid4().hex
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            if size:
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def remove(self) -> None:
        shutil.rmtree(self.path)


def _difference(name: str, before: Any, now: Any) -> str:
    """What differs, in words, and what to do."""
    if name == "model" and isinstance(before, dict):
        ref = f"models:/{before['name']}/{before['version']}"
        return (
            f"version {before['version']} ({before['digest'][:8]}): `--model {ref}` goes on, another OUTPUT begins anew"
        )
    return f"another {name}, {json.dumps(before)[:200]}, not {json.dumps(now)[:200]}: name another OUTPUT"
