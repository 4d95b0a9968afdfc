from registry.publish import publish
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, add_version, write_evaluation


def test_publishing_the_same_again_finds_the_version_that_exists(registry, toys, tmp_path):
    run = registry.resolve("2").run_id
    again, new = publish(registry, run, toys / "toy-2.0", toys / "evaluation-2.0")
    assert (again.number, new) == ("2", False)
    write_evaluation(tmp_path / "evaluation", wrong=3)
    measured_anew, new = publish(registry, run, toys / "toy-2.0", tmp_path / "evaluation")
    assert (measured_anew.number, new) == ("4", True)
    assert measured_anew.digest == again.digest and measured_anew.key != again.key


def test_a_version_whose_files_are_gone_is_published_again(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    add_version(tmp_path, uri, -1.0)
    registry = Registry(MODEL_NAME, uri)
    (registry.folder(registry.resolve("1")) / "model.onnx").unlink()
    assert add_version(tmp_path, uri, -1.0) == "2"


def test_what_stood_in_for_the_corpus_is_a_tag_and_no_part_of_the_digest(registry, tmp_path):
    number = add_version(tmp_path, registry.tracking_uri, -1.0, wrong=1, stand_in="a part of the corpus")
    marked, whole = registry.resolve(number), registry.resolve("1")
    assert (marked.stand_in, whole.stand_in) == ("a part of the corpus", "")
    assert marked.digest == whole.digest
    assert "stand_in" not in registry.client.get_model_version(MODEL_NAME, "1").tags
    assert "a part of the corpus" in registry.client.get_model_version(MODEL_NAME, number).description


def test_the_version_s_folder_has_the_report(registry, toys, tmp_path):
    write_evaluation(tmp_path / "evaluation", wrong=5)
    (tmp_path / "lstm.html").write_text("<p>A report")
    run = registry.resolve("1").run_id
    version, _ = publish(registry, run, toys / "toy-1.0", tmp_path / "evaluation", tmp_path / "lstm.html")
    assert (registry.folder(version) / "report.html").read_text() == "<p>A report"
