"""The workshop's split, on a small corpus."""

import sys
from pathlib import Path

import pytest

from pipelines import mix
from tests.pipelines.model.test_wide import HAM, SPAM

ROOT = Path(__file__).parents[2]


@pytest.fixture
def corpus(tmp_path):
    rows = [f'{label},"{text}"' for label, texts in (("ham", HAM), ("spam", SPAM)) for text in texts * 5]
    lonely = [f"{('ham', 'spam')[i % 2]},{chr(97 + i) * 6} {chr(98 + i) * 7}" for i in range(20)]
    (tmp_path / "own.csv").write_text("\n".join(["label,text", *rows, *lonely]) + "\n")
    return tmp_path / "own.csv"


def run(monkeypatch, *arguments):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["mix", *map(str, arguments)])
    mix.main()


def test_candidates_are_measured_with_and_without_the_near_twins(corpus, monkeypatch, capsys):
    run(monkeypatch, corpus, "baseline")
    counts, everything, alone = capsys.readouterr().out.splitlines()
    assert counts.startswith("mix: 40 rows to train on, 20 to test on, ")
    assert 0 < int(counts.split(", ")[2].split()[0]) < 20
    assert everything.startswith("baseline, all: accuracy ") and alone.startswith("baseline, without a near-twin: ")
    assert everything.split(": ")[1] != alone.split(": ")[1]


@pytest.mark.parametrize(
    ("content", "candidate", "reason"),
    [
        ("label,text\nham,hello\nham,hi\n", "linear", "no row has the label 'spam'"),
        ("kind,text\nham,hello\n", "linear", "no column 'label'"),
        ("label,text\nham,hello\n", "gru", "no candidate gru; there are: baseline, "),
    ],
)
def test_what_cannot_be_measured_is_said(tmp_path, monkeypatch, content, candidate, reason):
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(SystemExit, match=reason):
        run(monkeypatch, tmp_path / "own.csv", candidate)
