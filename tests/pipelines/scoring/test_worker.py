"""A piece of the input becomes a file of the output, without Spark."""

import json
import os

import pandas as pd
import pytest
from pyarrow import dataset

from pipelines.scoring import worker
from pipelines.scoring.folder import OutputFolder
from pipelines.scoring.pieces import Columns, plan
from pipelines.scoring.worker import Job, batches, write
from registry.model.artifact import Artifact
from tests.toy import probability, write_toy

BIAS = -1.0
TEXTS = ["win a free prize", "lunch at home", "win a free prize"]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory) -> Artifact:
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, BIAS)
    return Artifact.load(folder)


@pytest.fixture
def folder(tmp_path) -> OutputFolder:
    folder = OutputFolder(tmp_path / "out")
    with folder.locked():
        return folder


def run(tmp_path, folder: OutputFolder, artifact: Artifact, content: str, columns: Columns) -> tuple[int, int]:
    (tmp_path / "in.csv").write_text(content)
    planned = plan(tmp_path / "in.csv", columns)
    (piece,) = planned.pieces
    return write(piece, Job(planned.format, columns, "7", str(folder.path)), artifact)


def test_a_row_has_the_answer_its_version_and_digest(tmp_path, folder, artifact):
    content = "id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS)) + "9, \n"
    assert run(tmp_path, folder, artifact, content, Columns("text")) == (3, 1)
    rows = pd.read_parquet(folder.path)
    assert list(rows) == ["text", "label", "verdict", "unfamiliar", "probabilities", "model_version", "digest"]
    assert list(rows["text"]) == TEXTS and list(rows["label"]) == ["spam", "ham", "spam"]
    assert list(rows["probabilities"]) == [artifact.predict([text])[0] for text in TEXTS]
    assert rows["probabilities"][1]["spam"] == round(probability(TEXTS[1], BIAS), 6)
    assert set(rows["model_version"]) == {"7"} and set(rows["digest"]) == {artifact.digest}
    aside = json.loads(folder.rejected(0).read_text())
    assert aside == {"file": str(tmp_path / "in.csv"), "line": 5, "reason": "the text is blank", "content": " "}
    counts = folder.counts()
    assert counts["labels"] == {"spam": 2, "ham": 1} and counts["rejected"] == {"the text is blank": 1}


def test_with_a_key_no_text_is_written(tmp_path, folder, artifact):
    run(tmp_path, folder, artifact, "id,text\na,win\nb,lunch\n", Columns("text", "id"))
    rows = pd.read_parquet(folder.path)
    assert list(rows["key"]) == ["a", "b"] and "text" not in rows and b"lunch" not in folder.part(0).read_bytes()


def test_a_piece_of_nothing_but_rejected_rows_is_finished_without_rows(tmp_path, folder, artifact):
    assert run(tmp_path, folder, artifact, "text\n \n", Columns("text")) == (0, 1)
    assert folder.finished() == {0} and dataset.dataset(folder.path).count_rows() == 0


def test_a_failure_leaves_neither_file(tmp_path, folder, artifact, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        run(tmp_path, folder, artifact, "text\nhi\n \n", Columns("text"))
    assert folder.finished() == set() and not folder.rejected(0).exists()
    assert list((folder.path / "_tmp").iterdir()) == []


def test_batches_are_bounded_in_rows_and_in_characters(monkeypatch):
    monkeypatch.setattr(worker, "BATCH_ROWS", 3)
    monkeypatch.setattr(worker, "BATCH_CHARACTERS", 10)
    rows = [worker.Row(i, text) for i, text in enumerate(["a", "b", "c", "d" * 9, "ee", "f"])]
    assert [[row.line for row in batch] for batch in batches(iter(rows))] == [[0, 1, 2], [3, 4], [5]]
