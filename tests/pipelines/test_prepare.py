"""The stage as DVC runs it, on a small corpus."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from pipelines import prepare
from pipelines.data import splits, stand_in
from pipelines.hashing import sha256

ROOT = Path(__file__).parents[2]
SUBJECTS = ["the cat", "my sister", "our boss", "a lorry", "the moon", "his aunt", "one sailor", "this piano"]
VERBS = ["buys", "hears", "paints", "forgets", "sells"]


CORPORA = [
    {"name": "main", "path": "corpus"},
    {"name": "beside", "path": "beside.csv", "labels": {"fraud": "spam", "advert": "spam"}, "kind": "label"},
    {"name": "else", "path": "beside.csv", "labels": {"fraud": "spam"}, "role": "outside"},
    {"name": "absent", "path": "absent.csv", "role": "outside", "optional": True},
]
CITIES = ["Zürich", "Malmö", "Łódź", "Győr", "Århus", "Oulu", "Brno", "Cluj", "Bergen", "Kaunas"]
BESIDE = "label,text\n" + "".join(f"{label},{city} {label}\n" for label in ("ham", "fraud") for city in CITIES)


def write_params(path):
    """The project's parameters with other corpora."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": CORPORA}
    for variant in content["variants"].values():
        variant.pop("corpora", None)
    path.write_text(yaml.safe_dump(content))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Prepare 80 messages, every fifth of them spam, with this feedback file; returns the folder of tables."""

    def prepared(feedback):
        rows = [f"{who} {verb} {what}" for who in SUBJECTS for verb in VERBS for what in ("bread", "umbrellas")]
        lines = [f"{'spam' if i % 5 == 0 else 'ham'}\t{text}" for i, text in enumerate(rows)]
        (tmp_path / "corpus").write_text("\n".join([*lines, "no tab", lines[3].upper().replace("HAM", "ham")]))
        (tmp_path / "feedback.csv").write_text(feedback)
        (tmp_path / "beside.csv").write_text(BESIDE)
        write_params(tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["prepare", "feedback.csv", "prepared", "outside"])
        prepare.main()
        return tmp_path / "prepared"

    return prepared


def test_every_message_of_the_corpus_is_in_one_table_and_every_row_is_accounted_for(run, capsys):
    out = run("text,label\nQuite another message,spam\nand a third one,eggs\n")
    tables = {name: pd.read_csv(out / f"{name}.csv") for name in splits.SPLITS}
    report = json.loads((out / "report.json").read_text())
    assert (report["rows"], report["broken"], report["duplicates"], report["messages"]) == (102, 1, 1, 100)
    own = report["corpora"]["main"]
    assert (own["rows"], own["broken"], own["duplicates"], own["messages"]) == (82, 1, 1, 80)
    assert sum(own[name]["messages"] for name in splits.SPLITS) == 80
    assert report["corpora"]["beside"]["messages"] == 20
    assert report["feedback"] == {"broken": 0, "rows": 2, "added": 1, "unknown_label": 1}
    assert {name: len(table) for name, table in tables.items()} == {n: report[n]["messages"] for n in splits.SPLITS}
    assert pd.concat(tables.values())["id"].nunique() == 101
    sources = tables["train"]["source"].value_counts()
    assert set(sources.index) == {"main", "beside", "feedback"} and sources["feedback"] == 1
    assert all(
        list(table) == ["id", "line", "group", "label", "text", "source", "part", "kind"] for table in tables.values()
    )
    outside = pd.read_csv(out.with_name("outside") / "outside.csv")
    assert outside["source"].eq("else").all() and outside["twin"].all() and len(outside) == 20
    printed = capsys.readouterr().out
    assert "corpus:81: left out: no tab" in printed and "feedback.csv:3: left out: no message of the corpus" in printed
    assert "beside: its label map has 'advert', which no row of beside.csv has" in printed
    assert "prepare: absent: not measured, since absent.csv is missing and optional" in printed
    assert "prepare: of the feedback rows 2, added 1, unknown_label 1" in printed.replace("broken 0, ", "")


def test_a_corpus_that_cannot_be_read_ends_the_stage_in_a_line(run, tmp_path):
    with pytest.raises(SystemExit, match=r"prepare: .*feedback\.csv:1: no column 'text'"):
        run("words,label\nhi,ham\n")
    assert not (tmp_path / "prepared").exists()


def test_a_stand_in_is_marked_in_the_report_and_in_the_part_of_its_corpus(run, tmp_path, monkeypatch):
    report = json.loads((run("text,label\n") / "report.json").read_text())
    assert "stand_in" not in report and "stand_in" not in report["corpora"]["main"]
    monkeypatch.setattr(stand_in, "SHA256", sha256((tmp_path / "corpus").read_bytes()))
    report = json.loads((run("text,label\n") / "report.json").read_text())
    assert report["stand_in"] == report["corpora"]["main"]["stand_in"] == stand_in.SOURCE
    assert "stand_in" not in report["corpora"]["beside"]
