"""From a corpus of one's own to a served champion, with the project's own parameters but for the corpus.

The stages run in this process, which loads TensorFlow once; tests/system/test_pipeline.py runs them by DVC.
"""

import csv
import random
import sys
from pathlib import Path

import pytest
import yaml

from pipelines import baseline, evaluate, export, prepare, register, train, validate
from registry.__main__ import main as registry
from tests.server import ROOT, Server

WORDS = [f"{a}{b}{c}{d}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst" for d in "aeo"]
RUSSIAN = [f"{a}{b}{c}{d}" for a in "бдгжк" for b in "аеиоуы" for c in "лмнрст" for d in "аяю"]
STAGES = [
    (prepare, "none.csv build/prepared build/outside"),
    (validate, "build/prepared build/validation.json build/docs"),
    (baseline, "build/prepared build/baseline"),
    (train, "linear build/prepared build/model"),
    (export, "linear build/prepared build/model build/artifact"),
    (
        evaluate,
        "linear build/prepared build/outside build/artifact build/baseline build/model/curves.csv "
        f"{ROOT}/pipelines/search/crossval.json build/evaluation build/report.html",
    ),
    (
        register,
        "linear build/prepared build/validation.json build/model build/artifact build/evaluation build/report.html",
    ),
]


def write_corpus(path: Path, marks: dict[str, list[str]], words: list[str]) -> None:
    """Twelve hundred messages of eight random words, each with two of its label's own; the first label is a quarter."""
    draw, labels = random.Random(1), list(marks)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["category", "message"])
        for i in range(1200):
            label = labels[0] if i % 4 == 0 else labels[1 + i % (len(labels) - 1)]
            rows.writerow(
                [label, " ".join(draw.sample([*draw.choices(words, k=8), *draw.sample(marks[label], 2)], 10))]
            )


def write_params(path: Path, positive: str, language: str) -> None:
    """The project's, changed as the README says."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    own = {"name": "own", "path": "own.csv", "label": "category", "text": "message", "language": language}
    content |= {"positive": positive, "corpora": [own]}
    for variant in content["variants"].values():
        variant.pop("corpora", None)
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("marks", "words", "language", "text"),
    [
        ({"promo": ["sale", "discount", "offer"], "normal": ["dinner", "mum", "train"]}, WORDS, "en", "offer and sale"),
        (
            {"urgent": ["help", "now", "quick"], "later": ["someday", "next", "week"], "never": ["no", "not", "stop"]},
            WORDS,
            "en",
            "help me now quick",
        ),
        ({"spam": ["выигрыш", "приз", "скидка"], "ham": ["мама", "ужин", "завтра"]}, RUSSIAN, "ru", "ваш приз: скидка"),
    ],
    ids=["two labels", "three labels", "not English"],
)
def test_a_corpus_of_one_s_own_becomes_a_served_champion(marks, words, language, text, tmp_path, monkeypatch, capsys):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    write_corpus(tmp_path / "own.csv", marks, words)
    write_params(tmp_path / "params.yaml", next(iter(marks)), language)
    for stage, arguments in STAGES:
        monkeypatch.setattr(sys, "argv", [stage.__name__, *arguments.split()])
        stage.main()
    registry(["init"])
    assert "champion: version 1" in capsys.readouterr().out
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri) as server:
        answer = server.get("/prediction", params={"text": text}).json()
    assert answer["model_version"] == "1" and answer["top"]["label"] == next(iter(marks))
    assert set(answer["prediction"]) == set(marks)
