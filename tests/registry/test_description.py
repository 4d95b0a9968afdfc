"""What MLflow's pages show, read back from a real registry."""

import pytest

from registry.description import describe
from registry.promote import Refused, promote
from tests.registry.conftest import THRESHOLDS
from tests.toyregistry import MODEL_NAME


def described(registry, number):
    return registry.client.get_model_version(MODEL_NAME, number).description


def test_it_is_the_card_and_without_a_run_s_files_there_are_no_links_nor_figures(registry):
    text, card = described(registry, "1"), registry.card(registry.resolve("1"))
    assert text.startswith("# Model card: toy") and registry.resolve("1").digest in text
    assert "figures/confusion.png" in card and "![" not in text


def test_links_and_figures_are_addressed_as_mlflow_serves_a_run_s_files(registry, tmp_path):
    version = registry.resolve("1")
    for name in ("report.html", "card.md", "figures/confusion.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        folder = f"evaluation/{name}".rpartition("/")[0]
        registry.client.log_artifact(version.run_id, str(tmp_path / name), folder)
    describe(registry, version, registry.card(version))
    text = described(registry, "1")
    experiment = registry.client.get_run(version.run_id).info.experiment_id
    page = f"#/experiments/{experiment}/runs/{version.run_id}/artifacts/evaluation"
    assert f"[Evaluation report]({page}/report.html), [the whole model card]({page}/card.md)" in text
    assert f"![confusion](get-artifact?path=evaluation/figures/confusion.png&run_uuid={version.run_id})" in text


def test_the_newest_verdict_is_a_table(registry):
    with pytest.raises(Refused):
        promote(registry, "3", THRESHOLDS)
    assert "## Gate: not passed, no champion to compare with" in described(registry, "3")
    assert f"| mcc | {registry.resolve('3').metrics['mcc']:.4f} | >= 0.8 | **fail** |" in described(registry, "3")
    promote(registry, "2", THRESHOLDS)
    promote(registry, "3", THRESHOLDS, why="a drill")
    text = described(registry, "3")
    assert "## Gate: not passed, against champion 2" in text and text.count("## Gate") == 1
    assert "# Model card: toy" in text


def test_a_run_that_is_gone_stops_no_promotion(registry):
    version = registry.resolve("2")
    assert registry.evaluation_files("0" * 32) == registry.evaluation_files("") == ("", [])
    registry.client.delete_run(version.run_id)
    assert promote(registry, "2", THRESHOLDS).passed
    assert "## Gate: passed" in described(registry, "2")


def test_the_model_is_described_unless_somebody_did(registry):
    assert "`champion`" in registry.client.get_registered_model(MODEL_NAME).description
    registry.client.update_registered_model(MODEL_NAME, "ours")
    registry.describe_model("another")
    assert registry.client.get_registered_model(MODEL_NAME).description == "ours"
