"""Reads the rows of a piece, one after the other; a row that cannot be scored comes with the reason."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.scoring.pieces import DELIMITERS, MAX_RECORD, PIECE_ROWS, Columns, Piece, header
from registry.texts import refusal

NOT_UTF8 = "it is not UTF-8"
FIELDS = "it has more or fewer fields than the first line"


class Row(NamedTuple):
    """A row at this line of its file; with a `problem`, `content` is what stands there."""

    line: int
    text: str = ""
    key: str | None = None
    problem: str = ""
    content: Any = None


def read_rows(piece: Piece, format: str, columns: Columns) -> Iterator[Row]:
    """Every row of the piece, in order. Raises OSError."""
    if format == "parquet":
        rows = _parquet_rows(piece, columns)
    elif format == "jsonl":
        rows = _json_rows(piece, columns)
    else:
        rows = _csv_rows(piece, format, columns)
    return (row if row.problem else _checked(row) for row in rows)


def _checked(row: Row) -> Row:
    problem = refusal(row.text)
    return row._replace(problem=problem, content=row.text) if problem else row


def _read_bytes(piece: Piece) -> bytes:
    with Path(piece.file).open("rb") as content:
        content.seek(piece.start)
        return content.read(piece.end - piece.start)


def _csv_rows(piece: Piece, format: str, columns: Columns) -> Iterator[Row]:
    names = header(Path(piece.file), format)[0]
    text, key = names.index(columns.text), names.index(columns.key) if columns.key else None
    csv.field_size_limit(MAX_RECORD)
    content = _read_bytes(piece).decode(errors="surrogateescape")
    whole = _is_utf8(content)
    reader, line = csv.reader(io.StringIO(content, newline=""), delimiter=DELIMITERS[format]), piece.line
    for fields in reader:
        at, line = line, piece.line + reader.line_num
        if not fields:  # an empty line
            continue
        if not whole and not all(map(_is_utf8, fields)):
            yield Row(at, problem=NOT_UTF8, content=[ascii(field)[1:-1] for field in fields])
        elif len(fields) != len(names):
            yield Row(at, problem=FIELDS, content=fields)
        else:
            yield Row(at, fields[text], None if key is None else fields[key])


def _json_rows(piece: Piece, columns: Columns) -> Iterator[Row]:
    for line, content in enumerate(_read_bytes(piece).split(b"\n"), piece.line):
        if not content.strip():
            continue
        try:
            row = json.loads(content.decode())
        except UnicodeDecodeError:
            yield Row(line, problem=NOT_UTF8, content=ascii(content)[2:-1])
        except (ValueError, RecursionError):
            yield Row(line, problem="it is not JSON", content=content.decode())
        else:
            yield _json_row(line, row, columns)


def _json_row(line: int, row: Any, columns: Columns) -> Row:
    if not isinstance(row, dict):
        return Row(line, problem="it is no JSON object", content=row)
    for column in columns.required():
        if column not in row:
            return Row(line, problem=f"it has no field {column!r}", content=row)
    text, key = row[columns.text], row[columns.key] if columns.key else None
    if problem := _text_problem(text):
        return Row(line, problem=problem, content=row)
    key = key if isinstance(key, str) or key is None else json.dumps(key)
    return Row(line, problem=NOT_UTF8, content=row) if not _is_utf8(key or "") else Row(line, text, key)


def _text_problem(text: Any) -> str:
    if text is None:
        return "the text is null"
    if not isinstance(text, str):
        return "the text is no string"
    return "" if _is_utf8(text) else "the text holds half a surrogate pair, which is no UTF-8"


def _parquet_rows(piece: Piece, columns: Columns) -> Iterator[Row]:
    """Decodes the row groups that the piece touches, a batch at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(piece.file, memory_map=False, pre_buffer=False, buffer_size=1024 * 1024) as content:
        groups, first = _row_groups(content.metadata, piece)
        for batch in content.iter_batches(PIECE_ROWS, row_groups=groups, columns=columns.required()):
            last = first + batch.num_rows
            if last > piece.start and first < piece.end:
                start, end = max(piece.start, first), min(piece.end, last)
                yield from _batch_rows(batch.slice(start - first, end - start), start + 1, columns)
            first = last


def _row_groups(metadata: Any, piece: Piece) -> tuple[list[int], int]:
    """The numbers of the row groups that have the piece's rows, and the first row of the first."""
    groups, first, row = [], 0, 0
    for number in range(metadata.num_row_groups):
        end = row + metadata.row_group(number).num_rows
        if end > piece.start and row < piece.end:
            first = first if groups else row
            groups.append(number)
        row = end
    return groups, first


def _batch_rows(batch: Any, line: int, columns: Columns) -> Iterator[Row]:
    keys = _values(batch.column(columns.key)) if columns.key else [None] * batch.num_rows
    for at, (text, key) in enumerate(zip(_values(batch.column(columns.text)), keys, strict=True), line):
        if isinstance(text, bytes) or isinstance(key, bytes):
            yield Row(at, problem=NOT_UTF8, content=ascii(text))
        elif text is None:
            yield Row(at, problem="the text is null")
        else:
            yield Row(at, text, None if key is None else str(key))


def _values(column: Any) -> list[Any]:
    """The column's values; bytes where a string is not UTF-8, which Parquet does not check."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        raw = column.cast(pyarrow.large_binary()).to_pylist()
        return [_decoded(value) for value in raw]


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
