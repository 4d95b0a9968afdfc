"""The raw corpus as a table: the UCI collection's own format, or a CSV or TSV with a header."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

DELIMITERS = {".csv": ",", ".tsv": "\t"}


class CorpusError(Exception):
    """The corpus cannot be read at all; the message says which file and why."""


@dataclass(frozen=True)
class Raw:
    """`rows`: line (1-based), label, text, as they stand in the file. `broken`: (line, reason) of what is no row."""

    rows: pd.DataFrame
    broken: list[tuple[int, str]]


def read(path: Path, label: str = "label", text: str = "text") -> Raw:
    """Read a corpus.

    A name that ends in .csv or .tsv means quoted fields under a header with the columns `label` and `text`; any other
    name means UCI's format: a label, a tab and a text on each line, no header, no quoting.
    Raises CorpusError when the file is missing, has no rows, or its header lacks a column.
    """
    found = rows(path, label, text)
    if found.rows.empty:
        raise CorpusError(f"{path}: no row could be read ({len(found.broken)} broken)")
    return found


def rows(path: Path, label: str = "label", text: str = "text") -> Raw:
    """As `read`, of a file that may have no rows."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}; `python -m pipelines.fetch` brings the SMS corpus") from error
    broken: list[tuple[int, str]] = []
    decoded = _decode(lines, broken)
    delimiter = DELIMITERS.get(path.suffix.lower())
    try:
        found = list(_table(decoded, delimiter, label, text, path, broken) if delimiter else _pairs(decoded, broken))
    except csv.Error as error:
        raise CorpusError(f"{path}: {error}; is a quote never closed?") from error
    return Raw(pd.DataFrame(found, columns=["line", "label", "text"]), sorted(broken))


def _decode(lines: list[bytes], broken: list[tuple[int, str]]) -> Iterator[str]:
    """Each line as text; one that is not UTF-8 is counted as broken and passes on as an empty line."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            broken.append((number, "not UTF-8"))
            yield "\n"


def _pairs(lines: Iterator[str], broken: list[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, 1):
        label, tab, text = line.rstrip("\r\n").partition("\t")
        if tab:
            yield number, label, text
        elif line.strip():
            broken.append((number, "no tab between label and text"))


def _table(
    lines: Iterator[str], delimiter: str, label: str, text: str, path: Path, broken: list[tuple[int, str]]
) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader, [])
    for column in (label, text):
        if column not in header:
            there = ", ".join(header) or "nothing"
            raise CorpusError(f"{path}: no column {column!r} in its header, which has: {there}")
    at_label, at_text = header.index(label), header.index(text)
    for fields in reader:
        if len(fields) == len(header):
            yield reader.line_num, fields[at_label], fields[at_text]
        elif fields:
            broken.append((reader.line_num, f"{len(fields)} fields, the header has {len(header)}"))
