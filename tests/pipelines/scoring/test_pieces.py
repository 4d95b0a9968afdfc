"""Where the input is cut."""

import csv
import io
import random
from itertools import pairwise

import pyarrow as pa
import pytest
from pyarrow import parquet

from pipelines.scoring import pieces
from pipelines.scoring.pieces import Columns, InputError, Piece, last_record_end, plan

TEXT = Columns("text")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 40)
    monkeypatch.setattr(pieces, "PIECE_ROWS", 3)
    monkeypatch.setattr(pieces, "MAX_RECORD", 400)


def test_every_piece_begins_and_ends_with_a_record_and_none_is_left_out(tmp_path):
    draw = random.Random(1)
    for run in range(100):
        fields = ["a", 'say "hi"', "two\nlines", "x,y", '5" disk', '"', "", "\r\n", "äöü"]
        rows = [[draw.choice(fields), "".join(draw.choices(fields, k=3))] for _ in range(30)]
        written = io.StringIO()
        csv.writer(written, lineterminator=draw.choice(["\n", "\r\n"])).writerows([["id", "text"], *rows])
        file = tmp_path / f"{run}.csv"
        file.write_bytes(written.getvalue().encode())
        content, found = file.read_bytes(), []
        cut = plan(file, TEXT).pieces
        for piece in cut:
            part = content[piece.start : piece.end].decode()
            found += csv.reader(io.StringIO(part, newline=""))
            assert piece.line == content[: piece.start].count(b"\n") + 1
        assert found == rows and [piece.number for piece in cut] == list(range(len(cut)))
        assert len(cut) > 3 and all(a.end == b.start for a, b in pairwise(cut))


def test_a_quote_within_a_field_opens_nothing():
    assert last_record_end(b'5" disk\nan "odd" one\n"open\n', b",") == len(b'5" disk\nan "odd" one\n')
    assert last_record_end(b'a,"one\ntwo"\nb', b",") == len(b'a,"one\ntwo"\n')
    assert last_record_end(b'"a ""b""\n', b",") == 0 and last_record_end(b'"a\n', b"") == 3


def test_a_quote_that_is_never_closed_is_told_with_its_line(tmp_path):
    file = tmp_path / "open.csv"
    file.write_text('text\nfine\n"open\n' + "line\n" * 200)
    with pytest.raises(InputError, match="line 3 is longer"):
        plan(file, TEXT)


def test_a_folder_is_read_in_the_order_of_names_without_hidden_files(tmp_path):
    for name in ("b.jsonl", "a/c.ndjson", ".hidden", "_SUCCESS", "_rejected/x.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('{"text": "hi"}\n')
    planned = plan(tmp_path, TEXT)
    assert planned.format == "jsonl" and [file.name for file in planned.files] == ["a/c.ndjson", "b.jsonl"]
    assert planned.pieces[1] == Piece(1, str(tmp_path / "b.jsonl"), 0, 15, 1)


def test_parquet_is_cut_by_rows(tmp_path):
    file = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"text": list("abcdefg")}), file, row_group_size=2)
    assert [(piece.start, piece.end, piece.line) for piece in plan(file, TEXT).pieces] == [
        (0, 3, 1),
        (3, 6, 4),
        (6, 7, 7),
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"id,body\n1,hi\n", "no column 'text'; it has: id, body"),
        ("a.csv", b"text,text\n1,hi\n", "more than one column 'text'"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"text\n", "no rows"),
        ("a.csv", b"text\n\n\n", "no rows"),
        ("a.csv", "text\nhi\n".encode("utf-16"), "not UTF-8"),
        ("a.jsonl", b"\n", "no rows"),
        ("a.txt", b"hi\n", "--format"),
        ("a.parquet", b"hi\n", "no Parquet file"),
    ],
)
def test_an_input_that_cannot_be_scored_is_refused_in_a_sentence(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        plan(tmp_path / name, TEXT)


def test_a_parquet_column_of_another_type_and_files_of_two_formats_are_refused(tmp_path):
    parquet.write_table(pa.table({"text": [1, 2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="'text' is int64, not string"):
        plan(tmp_path, TEXT)
    (tmp_path / "b.csv").write_text("text\nhi\n")
    with pytest.raises(InputError, match="one format"):
        plan(tmp_path, TEXT)
    with pytest.raises(InputError, match="there is no"):
        plan(tmp_path / "missing", TEXT)


def test_the_same_bytes_give_the_same_plan_and_others_another(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("text\nhi\n")
    first = plan(file, TEXT)
    assert plan(file, TEXT) == first
    file.write_text("text\nho\n")
    assert plan(file, TEXT).files != first.files


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbftext\nhi\n")
    assert len(plan(tmp_path / "a.csv", TEXT).pieces) == 1
