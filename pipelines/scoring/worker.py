"""What a task of Spark does: a piece of the input to a file of the output, which appears once it is whole.

Each Python worker loads the model once. A text is one run of the graph, as in a call of the service: in a batch, the
last of the six decimals of a probability may be another one.
"""

import gc
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.scoring.folder import COUNTS, OutputFolder
from pipelines.scoring.pieces import Columns, Piece
from pipelines.scoring.rows import Row, read_rows
from registry.model.artifact import Artifact, ArtifactError, Prediction

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS, BATCH_CHARACTERS = 2_048, 1_000_000  # of a record batch: what bounds the memory


class PieceError(Exception):
    """A piece cannot be scored; the message, one line, says why. The driver finds it in Spark's own error."""


class Job(NamedTuple):
    """What the tasks have in common; `number` is that of the version."""

    format: str
    columns: Columns
    number: str
    output: str


def score(piece: Piece, job: Job) -> tuple[int, int]:
    """Score the piece; returns how many rows were scored, and how many were put aside. Raises PieceError."""
    from pyspark import SparkFiles

    try:
        return write(piece, job, load(SparkFiles.getRootDirectory()))
    except ArtifactError as error:
        raise PieceError(str(error)) from error
    except OSError as error:
        raise PieceError(f"{error.filename or job.output}: {error.strerror or error}") from error


@cache
def load(folder: str) -> Artifact:
    """The version in the folder, once in a process."""
    artifact = Artifact.load(Path(folder))
    gc.collect()
    gc.freeze()  # the vocabulary stays: a garbage collection need not look at it again
    return artifact


def write(piece: Piece, job: Job, artifact: Artifact) -> tuple[int, int]:
    """Write the piece's file, and before it that of the rows put aside: each is whole, or not there. Raises OSError."""
    from pyarrow import parquet

    folder, table = OutputFolder(Path(job.output)), schema(artifact.labels, job.columns.key)
    counts = {"labels": Counter(), "verdicts": Counter(), "rejected": Counter()}
    with (
        folder.new(folder.part(piece.number)) as part,
        folder.new(folder.rejected(piece.number)) as rejected,  # the inner one appears first
        parquet.ParquetWriter(part, table, compression="zstd") as writer,
    ):
        for rows in batches(read_rows(piece, job.format, job.columns)):
            for row in (row for row in rows if row.problem):
                rejected.write(_rejected_line(piece, row))
                counts["rejected"][row.problem] += 1
            batch = answers(artifact, [row for row in rows if not row.problem], job, table)
            writer.write_batch(batch)
            counts["labels"].update(batch["label"].to_pylist())
            counts["verdicts"].update(batch["verdict"].to_pylist())
        writer.add_key_value_metadata({COUNTS: json.dumps(counts)})
    return counts["labels"].total(), counts["rejected"].total()


def _rejected_line(piece: Piece, row: Row) -> bytes:
    line = {"file": piece.file, "line": row.line, "reason": row.problem, "content": row.content}
    return json.dumps(line, default=str).encode() + b"\n"


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """The rows in lists of bounded length and text."""
    batch, characters = [], 0
    for row in rows:
        batch.append(row)
        characters += len(row.text)
        if len(batch) == BATCH_ROWS or characters > BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def schema(labels: tuple[str, ...], key: str | None) -> "pyarrow.Schema":
    """The columns of the output."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("key" if key else "text", pa.string()),
            pa.field("label", pa.string()),
            pa.field("verdict", pa.string()),
            pa.field("unfamiliar", pa.bool_()),
            pa.field("probabilities", pa.struct([pa.field(label, pa.float64()) for label in labels])),
            pa.field("model_version", pa.string()),
            pa.field("digest", pa.string()),
        ]
    )


def answers(artifact: Artifact, rows: list[Row], job: Job, table: "pyarrow.Schema") -> "pyarrow.RecordBatch":
    """A row of the output for each row."""
    import pyarrow as pa

    predictions = predict(artifact, [row.text for row in rows])
    decision = artifact.decision
    columns = [
        [row.key if job.columns.key else row.text for row in rows],
        [decision.label(prediction.probabilities) for prediction in predictions],
        [decision.verdict(prediction.probabilities) for prediction in predictions],
        [prediction.unfamiliar for prediction in predictions],
        [prediction.probabilities for prediction in predictions],
        [job.number] * len(rows),
        [artifact.digest] * len(rows),
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, table, strict=True)]
    return pa.record_batch(arrays, schema=table)


def predict(artifact: Artifact, texts: list[str]) -> list[Prediction]:
    """Each text's prediction, as a call of the service with this text alone answers it; a text that repeats, once."""
    different = list(dict.fromkeys(texts))
    predicted = dict(zip(different, artifact.classify_each(different), strict=True))
    return [predicted[text] for text in texts]
