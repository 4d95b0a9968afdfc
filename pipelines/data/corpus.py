"""The raw corpus as a table, read from the UCI collection's own format, or from a CSV or TSV file with a header."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DELIMITERS = {".csv": ",", ".tsv": "\t"}

Row = tuple[int, str, str]  # line (from 1), label, text
Broken = list[tuple[int, str]]  # lines that cannot be read as a row: (line, reason)


class CorpusError(Exception):
    """The corpus cannot be read at all; the message says which file and why."""


@dataclass(frozen=True)
class Raw:
    """`rows` has the columns line, label and text, as they stand in the file."""

    rows: pd.DataFrame
    broken: Broken


def read(path: Path, label: str = "label", text: str = "text", may_be_empty: bool = False) -> Raw:
    """Read a corpus.

    A name that ends in .csv or .tsv means quoted fields under a header with the columns `label` and `text`; any other
    name means UCI's format: a label, a tab and a text on each line, no header, no quoting.
    Raises CorpusError when the file is missing or its header lacks a column, and when it has no rows but should.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}; `python -m pipelines.fetch` brings the SMS corpus") from error
    broken: Broken = []
    decoded = _decode(lines, broken)
    delimiter = DELIMITERS.get(path.suffix.lower())
    try:
        if delimiter:
            rows = list(_read_table(decoded, delimiter, label, text, path, broken))
        else:
            rows = list(_read_uci(decoded, broken))
    except csv.Error as error:
        raise CorpusError(f"{path}: {error}; is a quote never closed?") from error
    if not (rows or may_be_empty):
        raise CorpusError(f"{path}: no row could be read ({len(broken)} broken)")
    return Raw(pd.DataFrame(rows, columns=["line", "label", "text"]), sorted(broken))


def _decode(lines: list[bytes], broken: Broken) -> Iterator[str]:
    """Each line as text; one that is not UTF-8 is added to `broken` and replaced by an empty line."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            broken.append((number, "not UTF-8"))
            yield "\n"


def _read_uci(lines: Iterator[str], broken: Broken) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        label, tab, text = line.rstrip("\r\n").partition("\t")
        if tab:
            yield number, label, text
        elif line.strip():
            broken.append((number, "no tab between label and text"))


def _read_table(
    lines: Iterator[str], delimiter: str, label: str, text: str, path: Path, broken: Broken
) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader, [])
    for column in (label, text):
        if column not in header:
            columns = ", ".join(header) or "nothing"
            raise CorpusError(f"{path}: no column {column!r} in its header, which has: {columns}")
    at_label, at_text = header.index(label), header.index(text)
    for fields in reader:
        if len(fields) == len(header):
            yield reader.line_num, fields[at_label], fields[at_text]
        elif fields:
            broken.append((reader.line_num, f"{len(fields)} fields, the header has {len(header)}"))
