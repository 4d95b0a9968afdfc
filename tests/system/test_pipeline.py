"""The pipeline as a person runs it: `dvc` in a clone of the project, on the real corpus, with small networks."""

import csv
import json
import random
import shutil
from pathlib import Path

import pytest

from tests.project import ROOT, Project

NETWORKS = ["lstm", "workshop"]
VARIANTS = ["linear", *NETWORKS]
pytestmark = pytest.mark.timeout(900)  # the first test waits for a whole pipeline


def _keep_every_fourth_message(file: Path) -> None:
    """Leave a quarter of a corpus, so that its stages take less time."""
    with file.open(newline="") as content:
        head, *rows = csv.reader(content)
    with file.open("w", newline="") as content:
        csv.writer(content).writerows([head, *rows[::4]])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose pipeline ran once and was committed; each test leaves it as it found it."""
    project = Project(tmp_path_factory.mktemp("project"))
    _keep_every_fourth_message(project.folder / "pipelines/written/messages.csv")
    for name in NETWORKS:
        project.change(**{f"variants.{name}.network.units": 8, f"variants.{name}.training.epochs": 1})
    project.change(**{"evaluate.resamples": 50})
    project.run("dvc", "repro")
    project.commit()
    return project


@pytest.fixture
def restored(project):
    """Undo what a test changes in the tracked files and the corpus."""
    kept = {name: (project.folder / name).read_bytes() for name in ("params.yaml", "dvc.lock", "data.dvc")}
    yield project
    for name, content in kept.items():
        (project.folder / name).write_bytes(content)
    shutil.rmtree(project.folder / "data")
    shutil.copytree(ROOT / "data", project.folder / "data")
    project.run("dvc", "checkout")


def trained(output: str) -> set[str]:
    return {name for name in VARIANTS if f"Running stage 'train@{name}'" in output}


def test_every_variant_is_registered(project):
    assert sorted(project.versions().values()) == VARIANTS


def test_an_unchanged_project_trains_nothing_and_registers_nothing(project):
    before = project.versions()
    output = project.run("dvc", "repro")
    assert "Running stage 'prepare'" not in output and trained(output) == set()
    assert project.versions() == before


def test_a_new_mlflow_store_is_filled_without_training(project):
    (project.folder / "mlflow.db").unlink()
    shutil.rmtree(project.folder / "mlartifacts")
    assert trained(project.run("dvc", "repro")) == set()
    assert sorted(project.versions().values()) == VARIANTS
    code = (
        "from mlflow import MlflowClient; c = MlflowClient('sqlite:///mlflow.db');"
        "runs = c.search_runs([c.get_experiment_by_name('sms-spam').experiment_id]);"
        "losses = lambda r: len(c.get_metric_history(r.info.run_id, 'epoch/val_loss'));"
        "figures = lambda r: len(c.list_artifacts(r.info.run_id, 'evaluation/figures'));"
        "trained = [r for r in runs if 'variant' in r.data.tags];"  # the others are cross-validations, nested in these
        "print(sorted((r.data.tags['variant'], losses(r), 'mcc' in r.data.metrics, figures(r)) for r in trained))"
    )
    last = project.run("python", "-c", code).splitlines()[-1]
    # a loss for each epoch, and one for the wide part before them
    assert last == "[('linear', 1, True, 4), ('lstm', 2, True, 4), ('workshop', 1, True, 4)]"


def test_an_experiment_retrains_the_variant_it_changes_and_shows_in_the_diff(restored):
    before = restored.versions()
    output = restored.run("dvc", "exp", "run", "-n", "tangy-boat", "-S", "variants.workshop.training.epochs=2")
    assert trained(output) == {"workshop"}
    assert len(restored.versions()) == len(before) + 1
    assert "workshop tangy-boat 2" in restored.run("mlflow", "runs", "list", "--experiment-id", "1")
    assert "workshop" in (restored.folder / "build/report.html").read_text()
    diff = json.loads(restored.run("dvc", "metrics", "diff", "--json"))
    assert "build/workshop/evaluation/metrics.json" in str(diff) and "build/lstm" not in str(diff)
    assert "index.html" in restored.run("dvc", "plots", "show")
    assert '"../build/vega.js"' in (restored.folder / "dvc_plots/index.html").read_text()
    assert (restored.folder / "build/vega.js").stat().st_size > 500_000


def test_a_failed_expectation_stops_the_pipeline(restored):
    restored.change(**{"validate.min_rows": 1_000_000})
    output = restored.run("dvc", "repro", expect=255)
    assert "expect_table_row_count_to_be_between" in output and "1000000" in output
    assert trained(output) == set()


def test_a_corpus_of_one_s_own_with_other_labels(restored):
    draw = random.Random(1)
    words = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]
    rows = []
    for i in range(1200):
        urgent = i % 4 == 0
        text = " ".join(draw.choices(words, k=8) + (["help", "now"] if urgent else []))
        rows.append(f'{"urgent" if urgent else "normal" if i % 3 else "other"},"{text}, {i}"\n')
    (restored.folder / "data" / "own.csv").write_text("label,text\n" + "".join(rows))
    restored.change(corpora=[{"name": "own", "path": "data/own.csv"}], positive="urgent")
    restored.change(**{f"variants.{name}.corpora": None for name in VARIANTS})
    output = restored.run("dvc", "repro", "register@lstm")
    assert "urgent_caught" in output and "rest_blocked" in output
    metrics = json.loads((restored.folder / "build/lstm/artifact/metadata.json").read_text())
    assert metrics["labels"] == ["normal", "other", "urgent"]
    assert (restored.folder / "data.dvc").read_bytes() == (ROOT / "data.dvc").read_bytes()


def test_without_an_optional_corpus_its_figures_are_missing_and_nothing_is_trained(restored):
    outside = restored.folder / "data" / "outside-mendeley.csv"
    if not outside.exists():
        pytest.skip("the corpus mendeley is not here: the whole module shows that the rest goes on")
    outside.unlink()
    output = restored.run("dvc", "repro", "evaluate@linear")
    assert trained(output) == set() and "prepare: mendeley: not measured" in output
    details = json.loads((restored.folder / "build/linear/evaluation/details.json").read_text())
    assert [corpus["name"] for corpus in details["corpora"] if corpus["missing"]] == ["mendeley"]
    assert set(details["sources"]) == {"sms", "written"}
    assert (restored.folder / "data.dvc").read_bytes() == (ROOT / "data.dvc").read_bytes()


def test_an_unknown_parameter_is_an_error_that_names_it(restored):
    restored.change(**{"prepare.shuffle": True})
    assert "prepare.shuffle" in restored.run("dvc", "repro", expect=255)
