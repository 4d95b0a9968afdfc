"""The stage as DVC runs it, on a small corpus."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipelines import prepare
from pipelines.data import splits

ROOT = Path(__file__).parents[2]
SUBJECTS = ["the cat", "my sister", "our boss", "a lorry", "the moon", "his aunt", "one sailor", "this piano"]
VERBS = ["buys", "hears", "paints", "forgets", "sells"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Prepare 80 messages, every fifth of them spam, with this feedback file; returns the folder of tables."""

    def prepared(feedback):
        rows = [f"{who} {verb} {what}" for who in SUBJECTS for verb in VERBS for what in ("bread", "umbrellas")]
        lines = [f"{'spam' if i % 5 == 0 else 'ham'}\t{text}" for i, text in enumerate(rows)]
        (tmp_path / "corpus").write_text("\n".join([*lines, "no tab", lines[3].upper().replace("HAM", "ham")]))
        (tmp_path / "feedback.csv").write_text(feedback)
        monkeypatch.chdir(ROOT)
        words = [str(tmp_path / name) for name in ("corpus", "feedback.csv", "prepared")]
        monkeypatch.setattr(sys, "argv", ["prepare", *words])
        prepare.main()
        return tmp_path / "prepared"

    return prepared


def test_every_message_of_the_corpus_is_in_one_table_and_every_row_is_accounted_for(run, capsys):
    out = run("text,label\nQuite another message,spam\nand a third one,eggs\n")
    tables = {name: pd.read_csv(out / f"{name}.csv") for name in splits.SPLITS}
    report = json.loads((out / "report.json").read_text())
    assert report["rows"] == 82 and report["broken"] == 1 and report["duplicates"] == 1 and report["messages"] == 80
    assert report["feedback"] == {"broken": 0, "rows": 2, "added": 1, "unknown_label": 1}
    assert {name: len(table) for name, table in tables.items()} == {n: report[n]["messages"] for n in splits.SPLITS}
    assert pd.concat(tables.values())["id"].nunique() == 81
    assert tables["train"]["source"].value_counts().to_dict() == {"corpus": len(tables["train"]) - 1, "feedback": 1}
    assert list(tables["test"]) == ["id", "line", "group", "label", "text"]
    printed = capsys.readouterr().out
    assert "corpus:81: left out: no tab" in printed and "feedback.csv:3: left out: no message of the corpus" in printed
    assert "prepare: of the feedback rows 2, added 1, unknown_label 1" in printed.replace("broken 0, ", "")


def test_a_corpus_that_cannot_be_read_ends_the_stage_in_a_line(run, tmp_path):
    with pytest.raises(SystemExit, match=r"prepare: .*feedback\.csv: no column 'text'"):
        run("words,label\nhi,ham\n")
    assert not (tmp_path / "prepared").exists()
