"""The arguments of `python -m pipelines.score`, what a folder is begun with, and what a run says at its end."""

import argparse
import sys
from pathlib import Path

import pytest

from pipelines import score
from pipelines.scoring.folder import OutputError, OutputFolder
from pipelines.scoring.pieces import Columns

COUNTS = {"labels": {"ham": 1_200, "spam": 3}, "verdicts": {"ham": 1_201, "unsure": 2}, "rejected": {}}
SUMMARY = {"rows": 1_203, "model_version": "2"} | COUNTS


def parse(monkeypatch, *words: str) -> argparse.Namespace:
    monkeypatch.setattr(sys, "argv", ["score", *words])
    return score._arguments()


def test_the_rows_of_the_call_log_have_its_ids_and_those_for_the_cache_their_texts(monkeypatch):
    assert score._columns(parse(monkeypatch, "a.csv", "out", "--text", "body", "--key", "id")) == Columns("body", "id")
    assert score._columns(parse(monkeypatch, "calls", "out")) == Columns("text", "id")
    assert score._columns(parse(monkeypatch, "calls", "cache")) == Columns("text")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["calls", "out", "--key", "id"], "--key is for files"),
        (["a.csv", "cache", "--key", "id"], "--key is for a folder"),
        (["a.csv", "out", "--master", "moon"], "'moon' is no master of Spark"),
        (["a.csv", "out", "--conf", "memory=1g"], "'memory=1g' is not spark.NAME=VALUE"),
        (["calls", "out", "--since", "soon"], "--since"),
    ],
)
def test_a_wrong_argument_is_told(monkeypatch, capsys, words, sentence):
    with pytest.raises(SystemExit):
        parse(monkeypatch, *words)
    assert sentence in capsys.readouterr().err


def end(path: Path, **summary: object) -> OutputFolder:
    """A folder whose run has ended."""
    folder = OutputFolder(path)
    with folder.locked():
        folder.end(SUMMARY | summary)
    return folder


def test_a_run_ends_with_the_counts(tmp_path, capsys):
    score.tell(end(tmp_path / "out", rejected={"the text is blank": 2}), into_cache=False)
    aside, reason, last = capsys.readouterr().out.splitlines()
    assert aside == f"score: 2 rows were put aside, in {tmp_path}/out/_rejected:"
    assert reason == "score:   2: the text is blank"
    assert last == f"score: 1,203 rows (1,200 ham, 3 spam; 2 of them unsure) with version 2 in {tmp_path}/out"


def test_the_folder_on_the_way_to_the_cache_is_deleted_also_with_rows_put_aside(tmp_path):
    folder = end(tmp_path / "out", rejected={"the text is blank": 2})
    score.tell(folder, into_cache=True)
    assert not folder.path.exists()


def test_a_run_without_a_scored_row_fails(tmp_path):
    with pytest.raises(OutputError, match="no row could be scored"):
        score.tell(end(tmp_path / "out", rows=0, labels={}, verdicts={}), into_cache=False)
