import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.model import artifact
from registry.model.artifact import Artifact, ArtifactError, read
from tests.toy import write_toy

TEXTS = ["win a free prize", "lunch at home later", "", "?!", "free " * 500, "näïve 🎉 \u200b text", "free lunch"]


@pytest.fixture
def folder(tmp_path):
    write_toy(tmp_path / "toy")
    return tmp_path / "toy"


def test_predictions_are_rounded_distributions_over_the_labels(folder):
    for prediction in Artifact.load(folder).predict(TEXTS):
        assert list(prediction) == ["ham", "spam"]
        assert sum(prediction.values()) == pytest.approx(1, abs=2e-6)
        assert all(p == round(p, 6) for p in prediction.values())


def test_a_text_is_answered_alike_alone_in_a_list_and_from_many_threads(folder):
    artifact = Artifact.load(folder)
    alone = [artifact.predict([text])[0] for text in TEXTS]
    assert artifact.predict(TEXTS * 50) == alone * 50
    with ThreadPoolExecutor(8) as pool:
        assert all(predictions == alone for predictions in pool.map(lambda _: artifact.predict(TEXTS), range(50)))


def test_no_texts_give_no_predictions(folder):
    assert Artifact.load(folder).predict([]) == []


def test_the_digest_covers_model_vocabulary_and_labels(tmp_path):
    first = write_toy(tmp_path / "a")
    assert write_toy(tmp_path / "b", source="the rest of the metadata does not count") == first
    assert write_toy(tmp_path / "c", bias=-2.0) != first
    assert write_toy(tmp_path / "d", labels=("no", "yes")) != first


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "metadata.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name}: No such file"):
        Artifact.load(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_byte_is_noticed(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged"):
        Artifact.load(folder)


@pytest.mark.parametrize(
    ("change", "why"), [({"format": 99}, "format 99"), ({"labels": None}, "not a model"), ({"digest": 1}, "damaged")]
)
def test_metadata_that_does_not_fit_is_refused(folder, change, why):
    metadata = json.loads((folder / "metadata.json").read_text())
    (folder / "metadata.json").write_text(json.dumps(metadata | change))
    with pytest.raises(ArtifactError, match=why):
        Artifact.load(folder)


def test_files_that_change_while_they_are_read_are_refused(folder, monkeypatch):
    def read_and_change(folder):
        found = read(folder)
        write_toy(folder, 7.0)
        return found

    monkeypatch.setattr(artifact, "read", read_and_change)
    with pytest.raises(ArtifactError, match="changed while they were read"):
        Artifact.load(folder)


def test_half_a_metadata_file_is_refused(folder):
    (folder / "metadata.json").write_text('{"format": 1')
    with pytest.raises(ArtifactError, match="not a model version"):
        Artifact.load(folder)
