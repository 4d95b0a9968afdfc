"""The loop from a wrong answer to the table that the next version is trained on."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from bentos.client import NotFound
from tests.server import ROOT, Server


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SQLITE_PATH": "spam.db"}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def write_corpus(path: Path) -> None:
    draw = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    path.write_text(
        "".join(f"{'spam' if i % 4 else 'ham'}\t{' '.join(draw.choices(words, k=8))}\n" for i in range(200))
    )


def write_params(path: Path) -> None:
    """The project's parameters with this corpus alone."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"corpora": [{"name": "sms", "path": "corpus"}]}
    path.write_text(yaml.safe_dump(content))


def test_what_callers_correct_is_in_the_next_training_set_and_in_no_other(tmp_path):
    with Server(tmp_path, MOCK_MODEL="1") as server, server.spam() as one, server.spam("127.0.0.2") as other:
        wrong = one.predict_many(["Free hugs!", "Dear mum, this is my new number"])
        for answer, label in zip(wrong, ("ham", "spam"), strict=True):
            assert one.feedback(label, id=answer.id).predicted == answer.label != label
            with pytest.raises(NotFound):
                other.feedback(label, id=answer.id)
        for caller, label in ((one, "ham"), (other, "spam")):
            assert caller.feedback(label, text="See attachment").label == label
    write_corpus(tmp_path / "corpus")
    write_params(tmp_path / "params.yaml")
    assert "2 texts (1 ham, 1 spam)" in run(tmp_path, "pipelines.collect", "--output", "feedback.csv")
    assert "added 2" in run(tmp_path, "pipelines.prepare", "feedback.csv", "prepared", "outside")
    train, validation, test = (
        pd.read_csv(tmp_path / f"prepared/{name}.csv") for name in ("train", "validation", "test")
    )
    corrected = train[train["source"] == "feedback"]
    assert sorted(zip(corrected["label"], corrected["text"], strict=True)) == [
        ("ham", "Free hugs!"),
        ("spam", "Dear mum, this is my new number"),
    ]
    assert len(train) + len(validation) + len(test) == 202
