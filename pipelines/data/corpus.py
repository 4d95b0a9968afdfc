"""A raw corpus as a table, read from the UCI collection's own format, or from a CSV or TSV file with a header."""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines import params

DELIMITERS = {".csv": ",", ".tsv": "\t"}
COLUMNS = ["line", "label", "text", "part", "kind"]

Row = tuple[int, str, str, str, str]  # line (from 1), label, text, part, kind
Broken = list[tuple[int, str]]  # lines that cannot be read as a row: (line, reason)


class CorpusError(Exception):
    """The corpus cannot be read at all; the message says which file and why."""


@dataclass(frozen=True)
class Raw:
    """`rows` has COLUMNS, as they stand in the file; part and kind are empty where the corpus has none.

    `unused` are the labels of the corpus's label map that occur in no row.
    """

    rows: pd.DataFrame
    broken: Broken
    unused: tuple[str, ...] = ()


def read_corpus(corpus: params.Corpus) -> Raw:
    """Read a corpus of params.yaml, with the labels that its map gives. Raises CorpusError as `read` does."""
    raw = read(corpus.path, corpus.label, corpus.text, corpus.part, corpus.kind)
    labels = raw.rows["label"].str.strip()
    unused = tuple(sorted(set(corpus.labels) - set(labels)))
    return Raw(raw.rows.assign(label=labels.replace(corpus.labels)), raw.broken, unused)


def read_all(corpora: Iterable[params.Corpus]) -> dict[str, Raw]:
    """The corpora by name, without those that are optional and missing. Raises CorpusError as `read` does."""
    return {one.name: read_corpus(one) for one in corpora if one.path.exists() or not one.optional}


def read(
    path: Path,
    label: str = "label",
    text: str = "text",
    part: str | None = None,
    kind: str | None = None,
    may_be_empty: bool = False,
) -> Raw:
    """Read a file of labelled messages.

    A name that ends in .csv or .tsv means quoted fields under a header with the columns `label` and `text`, and those
    of `part` and `kind` where they are named; any other name means UCI's format: a label, a tab and a text on each
    line, no header, no quoting.
    Raises CorpusError when the file is missing, is UTF-16, has a quote that is never closed or a header that lacks or
    repeats a column, and when it has no rows but should.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror}; `python -m pipelines.fetch` brings the SMS corpus") from error
    _check_encoding(content, path)
    broken: Broken = []
    lines = list(_decode(content.splitlines(keepends=True), broken))
    delimiter = DELIMITERS.get(path.suffix.lower())
    if delimiter:
        rows = list(_read_table(lines, delimiter, (label, text, part, kind), path, broken))
    elif part or kind:
        raise CorpusError(f"{path}: UCI's format has no column {part or kind!r}; only a .csv or a .tsv has columns")
    else:
        rows = list(_read_uci(lines, broken))
    if not (rows or may_be_empty):
        raise CorpusError(f"{path}: no row could be read ({len(broken)} broken)")
    return Raw(pd.DataFrame(rows, columns=COLUMNS), sorted(broken))


def _check_encoding(content: bytes, path: Path) -> None:
    """Raises CorpusError for UTF-16: by its byte order mark, or by the zeros between the letters."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or content[:1000].count(0) > len(content[:1000]) / 4:
        name = path.name
        raise CorpusError(f"{path}: it is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 {name} > new-{name}")


def _decode(lines: list[bytes], broken: Broken) -> Iterator[str]:
    """Each line as text; one that is not UTF-8 is added to `broken` and replaced by an empty line."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            broken.append((number, "not UTF-8"))
            yield "\n"


def _read_uci(lines: Iterable[str], broken: Broken) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        label, tab, text = line.rstrip("\r\n").partition("\t")
        if tab:
            yield number, label, text, "", ""
        elif line.strip():
            broken.append((number, "no tab between label and text"))


def _read_table(
    lines: list[str], delimiter: str, columns: tuple[str | None, ...], path: Path, broken: Broken
) -> Iterator[Row]:
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    header = next(_records(reader, lines, delimiter, path, broken), [])
    positions = [None if column is None else _position(header, column, path) for column in columns]
    for fields in _records(reader, lines, delimiter, path, broken):
        if len(fields) == len(header):
            yield reader.line_num, *("" if position is None else fields[position] for position in positions)
        elif fields:
            broken.append((reader.line_num, f"{len(fields)} fields, the header has {len(header)}"))


def _position(header: list[str], column: str, path: Path) -> int:
    if column not in header:
        columns = ", ".join(header) or "nothing"
        raise CorpusError(f"{path}:1: no column {column!r} in its header, which has: {columns}")
    if header.count(column) > 1:
        raise CorpusError(f"{path}:1: its header has the column {column!r} {header.count(column)} times")
    return header.index(column)


def _records(
    reader: Iterator[list[str]], lines: list[str], delimiter: str, path: Path, broken: Broken
) -> Iterator[list[str]]:
    """The fields of each record; a record of one line that breaks the rules of CSV is added to `broken` instead.

    Raises CorpusError where a quote is not closed in its line as it should be: what follows belongs to other rows.
    """
    while True:
        first = reader.line_num
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num
            opened, closed = _wrong_quote(lines[first:last], delimiter)
            if last > first + 1 or not closed:
                reason = f"a quote opens here and is not closed as it should be by line {last} ({error})"
                raise CorpusError(f"{path}:{first + opened}: {reason}") from error
            broken.append((last, str(error)))


def _wrong_quote(lines: list[str], delimiter: str) -> tuple[int, bool]:
    """The line, from 1, of the first field that breaks the rules of CSV, and whether a quote in it closes again."""
    text, start = "".join(lines), 0
    field = re.compile(rf'(?:"(?:[^"]|"")*+"|[^"{delimiter}\r\n][^{delimiter}\r\n]*)?(?:{delimiter}|[\r\n]+|$)')
    while start < len(text) and (match := field.match(text, start)):
        start = match.end()
    before = text[:start].encode().splitlines(keepends=True)
    closed = start == len(text) or text.count('"', start) > 1
    return len(before) + (not before or before[-1].endswith((b"\r", b"\n"))), closed
