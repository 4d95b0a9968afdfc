"""Cuts the input into pieces, the same ones at each run: by bytes between two records, or by rows of Parquet.

Files are read with a bounded part in memory. Their SHA-256 says later whether the input is the same.
"""

import csv
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PIECE_BYTES = 1024 * 1024  # of text: about 10,000 messages, seconds of work
PIECE_ROWS = 10_000  # of Parquet
MAX_RECORD = 8 * 1024 * 1024  # bytes of one record: a longer one is a quote that is not closed
FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
DELIMITERS = {"csv": ",", "tsv": "\t"}
BOM = b"\xef\xbb\xbf"


class InputError(Exception):
    """The input cannot be scored at all; the message says why."""


class Piece(NamedTuple):
    """A part of a file: the bytes from `start` to `end`, or those rows of a Parquet file.

    `line` is the number of its first line, or row, for a person who looks for it.
    """

    number: int
    file: str
    start: int
    end: int
    line: int


class InputFile(NamedTuple):
    """A file of the input, by its path below the input, and the SHA-256 of its content."""

    name: str
    bytes: int
    sha256: str


class Columns(NamedTuple):
    """The columns with the text and, where one was named, with the row's key."""

    text: str
    key: str | None = None

    def required(self) -> list[str]:
        return [self.text, *([self.key] if self.key else [])]


class Plan(NamedTuple):
    """The whole input."""

    format: str
    files: list[InputFile]
    pieces: list[Piece]


def plan(path: Path, columns: Columns, format: str | None = None) -> Plan:
    """The files at `path`, a file or a folder, and their pieces. Raises InputError, OSError."""
    files, format = find_files(path, format)
    described, pieces = [], []
    for file in files:
        cuts = _parquet_cuts(file, columns) if format == "parquet" else _text_cuts(file, format, columns)
        pieces += [Piece(number, str(file.absolute()), *cut) for number, cut in enumerate(cuts, len(pieces))]
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        described.append(
            InputFile(file.name if file == path else str(file.relative_to(path)), file.stat().st_size, sha256)
        )
    if not pieces:
        raise InputError(f"{path} has no rows")
    return Plan(format, described, pieces)


def find_files(path: Path, format: str | None) -> tuple[list[Path], str]:
    """The files to read, in the order of their names, and their format, by their names where none is given.

    A folder is read with the folders in it; names that begin with `.` or `_` are left out, as Spark does.
    """
    if path.is_dir():
        below = (file for file in path.rglob("*") if file.is_file())
        files = sorted(file for file in below if not any(p[0] in "._" for p in file.relative_to(path).parts))
    elif path.exists():
        files = [path]
    else:
        raise InputError(f"there is no {path}")
    if not files:
        raise InputError(f"no file is in the folder {path}")
    formats = {format or FORMATS.get(file.suffix.lower(), "") for file in files}
    if formats == {""} or len(formats) > 1:
        names = ", ".join(sorted({file.suffix or file.name for file in files}))
        known = ", ".join(FORMATS)
        raise InputError(f"{path}: files of one format are read, {known}; this is {names}: `--format` says what it is")
    return files, formats.pop()


def header(file: Path, format: str) -> tuple[list[str], int, int]:
    """The names of the columns of a CSV file, and how many bytes and lines they take. Raises InputError."""
    with file.open("rb") as content:
        start = content.read(MAX_RECORD)
    delimiter = DELIMITERS[format].encode()
    end = _first_record_end(start, delimiter) or len(start)
    try:
        text = start[:end].removeprefix(BOM).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: its first line is not UTF-8") from error
    names = next(csv.reader(text.splitlines(keepends=True), delimiter=DELIMITERS[format]), [])
    return names, end, start.count(b"\n", 0, end)


def _text_cuts(file: Path, format: str, columns: Columns) -> Iterator[tuple[int, int, int]]:
    """(start, end, line) of the pieces of a file of records that end with a line."""
    start = line = 0
    if file.stat().st_size == 0:
        raise InputError(f"{file} is empty")
    if format in DELIMITERS:
        names, start, line = header(file, format)
        check_columns(file, names, columns)
    delimiter = DELIMITERS[format].encode() if format in DELIMITERS else b""
    with file.open("rb") as content:
        content.seek(start)
        waiting, last = b"", False
        while not last:
            block = content.read(PIECE_BYTES)
            last = not block
            waiting += block
            end = len(waiting) if last else last_record_end(waiting, delimiter)
            if not end and len(waiting) > MAX_RECORD:
                problem = "a quote is not closed, or it is no text"
                raise InputError(
                    f"{file}: the record in line {line + 1} is longer than {MAX_RECORD:,} bytes: {problem}"
                )
            if end and waiting[:end].strip(b"\r\n"):
                yield start, start + end, line + 1
            line += waiting.count(b"\n", 0, end)
            start, waiting = start + end, waiting[end:]


def check_columns(file: Path, names: list[str], columns: Columns) -> None:
    """Raises InputError where a column is missing, or there twice."""
    for column in columns.required():
        if names.count(column) != 1:
            what = "no column" if column not in names else "more than one column"
            raise InputError(f"{file} has {what} {column!r}; it has: {', '.join(names) or 'no line'}")


def last_record_end(content: bytes, delimiter: bytes) -> int:
    """Where the last whole record ends in a content that begins with one; 0 where none does.

    A quote opens at the beginning of a field alone, as the module `csv` has it. Without a delimiter nothing is quoted.
    """
    end = len(content)
    for start, after in reversed(_quoted(content, delimiter)):
        if (found := content.rfind(b"\n", after, end)) >= 0:
            return found + 1
        end = start
    return content.rfind(b"\n", 0, end) + 1


def _first_record_end(content: bytes, delimiter: bytes) -> int:
    start = 0
    for quote, after in _quoted(content, delimiter):
        if (found := content.find(b"\n", start, quote)) >= 0:
            return found + 1
        start = after
    return content.find(b"\n", start) + 1


def _quoted(content: bytes, delimiter: bytes) -> list[tuple[int, int]]:
    """Where the quoted fields are; the last one may lack its end."""
    if not delimiter:
        return []
    field = rb"(?<![^\r\n" + delimiter + rb'])"(?:[^"]|"")*+(?:"|\Z)'
    return [match.span() for match in re.finditer(field, content)]


def _parquet_cuts(file: Path, columns: Columns) -> Iterator[tuple[int, int, int]]:
    """(first row, end, number of the first row) of the pieces of a Parquet file."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as content:
            schema, rows = content.schema_arrow, content.metadata.num_rows
    except pyarrow.ArrowException as error:
        raise InputError(f"{file} is no Parquet file that can be read: {str(error).partition(chr(10))[0]}") from error
    check_columns(file, schema.names, columns)
    kind = schema.field(columns.text).type
    value = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
    if not (pyarrow.types.is_string(value) or pyarrow.types.is_large_string(value)):
        raise InputError(f"{file}: the column {columns.text!r} is {kind}, not string")
    for start in range(0, rows, PIECE_ROWS):
        yield start, min(start + PIECE_ROWS, rows), start + 1
