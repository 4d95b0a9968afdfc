"""The rows of a piece, and why one is put aside."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipelines.scoring import pieces, rows
from pipelines.scoring.pieces import Columns, plan
from pipelines.scoring.rows import Row, read_rows
from registry.texts import MAX_CHARACTERS

KEYED = Columns("text", "id")


def read(file: Path, columns: Columns = KEYED) -> list[Row]:
    planned = plan(file, columns)
    return [row for piece in planned.pieces for row in read_rows(piece, planned.format, columns)]


def problems(found: list[Row]) -> list[tuple[int, str]]:
    return [(row.line, row.problem) for row in found if row.problem]


def test_csv_with_its_lines(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b'id,text\n1,"two\nlines"\n\n2,  \n3\n4,caf\xe9\n5,caf\xc3\xa9\n6,nu\0l\n7,"say ""hi"""\n')
    found = read(file)
    good = [(row.line, row.key, row.text) for row in found if not row.problem]
    assert good == [(2, "1", "two\nlines"), (8, "5", "café"), (10, "7", 'say "hi"')]
    blank, nul = "the text is blank", "the text holds a NUL character"
    assert problems(found) == [(5, blank), (6, rows.FIELDS), (7, rows.NOT_UTF8), (9, nul)]
    assert next(row for row in found if row.line == 7).content == ["4", "caf\\udce9"]


def test_json_lines(tmp_path):
    file = tmp_path / "a.jsonl"
    lines = [{"id": 1, "text": "hi"}, {"id": 2, "text": None}, {"id": 3, "text": 3}, {"text": "hi"}, [1], {"id": 4}]
    content = (
        "\n".join(map(json.dumps, lines)) + '\n\n{"text\n{"id": "\\ud800", "text": "a"}\n{"id": 5, "text": "\\ud800"}\n'
    )
    file.write_bytes(content.encode() + b'{"id": 6, "text": "\xe9"}\n{"id": null, "text": "last"}')
    found = read(file)
    assert [(row.line, row.key, row.text) for row in found if not row.problem] == [(1, "1", "hi"), (12, None, "last")]
    assert problems(found) == [
        (2, "the text is null"),
        (3, "the text is no string"),
        (4, "it has no field 'id'"),
        (5, "it is no JSON object"),
        (6, "it has no field 'text'"),
        (8, "it is not JSON"),
        (9, rows.NOT_UTF8),
        (10, "the text holds half a surrogate pair, which is no UTF-8"),
        (11, rows.NOT_UTF8),
    ]
    assert all(json.dumps(row.content) for row in found)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_over_the_borders_of_row_groups(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(pieces, "PIECE_ROWS", 3)
    file = tmp_path / "a.parquet"
    texts = [None if i == 4 else f"text {i}" for i in range(11)]
    parquet.write_table(pa.table({"id": range(11), "text": pa.array(texts).cast(kind)}), file, row_group_size=5)
    found = read(file)
    assert [row.line for row in found] == list(range(1, 12)) and problems(found) == [(5, "the text is null")]
    assert [(row.key, row.text) for row in found if not row.problem] == [
        (str(i), f"text {i}") for i in range(11) if i != 4
    ]


def test_parquet_with_a_string_that_is_not_utf8(tmp_path):
    raw = pa.array([b"fine", b"\xe9", None], pa.binary())
    text = pa.StringArray.from_buffers(3, *raw.buffers()[1:], raw.buffers()[0])
    parquet.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", Columns("text"))
    assert found[0] == Row(1, "fine") and problems(found) == [(2, rows.NOT_UTF8), (3, "the text is null")]


def test_a_text_may_be_as_long_as_one_of_the_service(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(f"id,text\n1,{'x' * MAX_CHARACTERS}\n2,{'x' * (MAX_CHARACTERS + 1)}\n")
    assert problems(read(file)) == [(3, "the text is longer than 10,000 characters")]
