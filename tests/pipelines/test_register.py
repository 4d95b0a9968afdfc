"""A toy's run and version in a real MLflow store, as people find them there."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from pipelines import register
from registry.settings import RegistrySettings
from registry.versions import Registry
from tests.toy import write_toy
from tests.toyregistry import empty_registry, write_evaluation

ROOT = Path(__file__).parents[2]
OWN = {"mcc": 0.9, "intervals": {"mcc": [0.8, 1.0]}, "against": {"baseline": {"mcc": {"difference": 0.1, "p": 0.04}}}}
DETAILS = {
    "intervals": {"mcc": [0.9, 0.99]},
    "slices": {"short": {"messages": 40, "mcc": 0.5}},
    "baseline": {"mcc": 0.8},
    "crossval": {"repeats": 2, "folds": 5, "messages": 100, "hardest": 15, "candidates": {"linear": OWN}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the stages before leave, for the variant `linear`."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("prepared", "model", "evaluation/figures"):
        (folder / name).mkdir(parents=True)
    for name in ("train", "validation", "test"):
        (folder / f"prepared/{name}.csv").write_text(f"id,text,source\n1,{name},sms\n")
    write_toy(folder / "artifact", variant="linear", corpus_sha256=digest(folder, "train"))
    write_evaluation(folder / "evaluation", wrong=2)
    (folder / "evaluation/details.json").write_text(json.dumps(DETAILS))
    metrics = {"mcc": 0.95, "behaviour.invariance": 0.9, "source.sms.caught": 0.8}
    (folder / "evaluation/metrics.json").write_text(json.dumps(metrics))
    (folder / "evaluation/figures/confusion.png").touch()
    (folder / "model/model.weights.h5").write_bytes(b"weights")
    (folder / "model/curves.csv").write_text("epoch,loss,val_loss,val_mcc\n0,0.5,0.4,0.9\n")
    (folder / "validation.json").write_text(json.dumps([{"success": True}, {"success": True}]))
    (folder / "report.html").write_text("<p>A report")
    return folder


def digest(folder, name):
    """As `sha256sum` prints it."""
    return hashlib.sha256((folder / f"prepared/{name}.csv").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def registered(folder):
    """The registry, the run, the nested run and the version, after the stage ran twice."""
    files = ("prepared", "validation.json", "model", "artifact", "evaluation", "report.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", empty_registry(folder))
        patch.setattr(sys, "argv", ["register", "linear", *(str(folder / name) for name in files)])
        patch.chdir(ROOT)
        register.main()
        register.main()
        settings = RegistrySettings()
    registry = Registry(settings.model_name, settings.mlflow_tracking_uri)
    experiment = registry.client.get_experiment_by_name(settings.model_name)
    nested, run = sorted(
        registry.client.search_runs([experiment.experiment_id]), key=lambda run: "variant" in run.data.tags
    )
    (version,) = registry.versions()
    return registry, run, nested, version


def described(registry, version):
    return registry.client.get_model_version(registry.model_name, version.number).description


def test_run_card_and_version_name_one_digest_that_sha256sum_confirms(registered, folder):
    registry, run, _, version = registered
    trained = digest(folder, "train")
    assert run.data.tags["corpus_sha256"] == trained and f"| corpus_sha256 | {trained} |" in registry.card(version)
    assert registry.client.get_model_version(registry.model_name, version.number).tags["corpus_sha256"] == trained
    data = {one.dataset.digest: {tag.key: tag.value for tag in one.tags} for one in run.inputs.dataset_inputs}
    assert data[trained[:36]] == {"mlflow.data.context": "training", "sha256": trained, "file": "train.csv"}
    assert data[digest(folder, "test")[:36]]["mlflow.data.context"] == "evaluation" and len(data) == 3


def test_few_metrics_stand_on_top_and_the_others_in_groups(registered):
    _, run, _, version = registered
    assert run.data.metrics == {
        **{"mcc": 0.95, "behaviour/invariance": 0.9, "source/sms.caught": 0.8, "baseline/mcc": 0.8},
        **{"interval/mcc.low": 0.9, "interval/mcc.high": 0.99, "slice/short.messages": 40, "slice/short.mcc": 0.5},
        **{"validation/expectations": 2, "validation/met": 2},
        **{"epoch/loss": 0.5, "epoch/val_loss": 0.4, "epoch/val_mcc": 0.9},
    }
    assert version.metrics == {"mcc": 0.95, "behaviour.invariance": 0.9, "source.sms.caught": 0.8}


def test_its_cross_validation_is_a_nested_run(registered):
    _, run, nested, _ = registered
    assert nested.data.tags["mlflow.parentRunId"] == run.info.run_id
    assert nested.info.run_name == "linear cross-validation" and "2 times 5 folds" in str(nested.data.tags)
    assert nested.data.metrics["mcc"] == 0.9 and nested.data.metrics["interval/mcc.low"] == 0.8
    assert nested.data.metrics["against/baseline.mcc.p"] == 0.04


def test_the_run_has_card_report_figures_and_the_outcome_of_the_expectations(registered):
    registry, run, _, version = registered
    names = {file.path for path in ("", "evaluation") for file in registry.client.list_artifacts(run.info.run_id, path)}
    assert {f"evaluation/{name}" for name in ("card.md", "report.html", "figures", "metrics.json")} < names
    assert "validation.json" in names and run.data.tags["great_expectations"] == "2 of 2 expectations met"
    description = described(registry, version)
    assert "evaluation/report.html" in description and "get-artifact?path=evaluation/figures/" in description
    assert (registry.folder(version) / "report.html").read_text() == "<p>A report"
