"""Several people, one MLflow server on PostgreSQL, and S3 for its artifacts and for DVC's files.

All of them, and the service, are pointed at both by environment variables alone.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlflow import MlflowClient

from pipelines.tracking import RETRIES
from registry import promote
from registry.events import history
from registry.lock import ChangedMeanwhile, changing
from registry.thresholds import thresholds_from
from registry.versions import Registry
from tests import team
from tests.project import ROOT, Project
from tests.server import Server

pytestmark = [
    pytest.mark.skipif(bool(team.MISSING), reason=f"there is no {' and no '.join(team.MISSING)}"),
    pytest.mark.timeout(600),
]
EPOCHS = 4
THRESHOLDS = thresholds_from(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def s3_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("s3")


@pytest.fixture(scope="module")
def storage(s3_folder):
    """The settings of S3."""
    with team.s3(s3_folder, "mlflow", "dvc") as settings:
        yield settings


@pytest.fixture(scope="module")
def tracking(tmp_path_factory, storage):
    folder = tmp_path_factory.mktemp("mlflow")
    with team.postgres() as database, team.TrackingServer(folder, database, "s3://mlflow", storage) as server:
        yield server


@pytest.fixture(scope="module")
def alice(tmp_path_factory, storage, tracking):
    """A project with all that this one has built, which she pushed."""
    project = Project(tmp_path_factory.mktemp("alice"), **storage, MLFLOW_TRACKING_URI=tracking.uri)
    project.run("dvc", "remote", "add", "--local", "built", str(ROOT / ".dvc/cache"))
    project.run("dvc", "pull", "--remote", "built")
    project.run("dvc", "remote", "add", "--default", "team", "s3://dvc/sms-spam")
    project.commit()
    project.run("dvc", "push")
    return project


@pytest.fixture(scope="module")
def bob(tmp_path_factory, alice):
    """A clone of hers, with what he pulled, and the optional corpora, which DVC cannot track."""
    project = alice.clone(tmp_path_factory.mktemp("bob") / "clone")
    project.run("dvc", "pull")
    project.settings = project.settings | {"DATA_MIRROR": str(alice.folder / "data")}
    project.run("python", "-m", "pipelines.fetch")
    return project


@pytest.fixture(scope="module")
def outputs(alice, bob):
    """What `dvc repro` printed, run by both at once."""
    running = [person.start("dvc", "repro") for person in (alice, bob)]
    with ThreadPoolExecutor() as pool:
        printed = list(pool.map(lambda process: process.communicate()[0], running))
    assert [process.returncode for process in running] == [0, 0], "\n".join(printed)
    return printed


@pytest.fixture
def registry(tracking, outputs):
    return Registry("sms-spam", tracking.uri)


def test_after_a_pull_nothing_runs_but_what_registers(outputs):
    for output in outputs:
        stages = {line.split("'")[1].partition("@")[0] for line in output.splitlines() if "Running stage" in line}
        assert stages == {"register", "report"}


def test_the_model_of_a_tagged_commit_is_a_dvc_artifact(bob, alice, tmp_path):
    for name in ("workshop", "linear", "lstm"):
        alice.git("tag", "--annotate", f"{name}@v1.0.0", "--message", "A first version")
        bob.run("dvc", "artifacts", "get", str(alice.folder), name, "--out", str(tmp_path / name))
        built = (alice.folder / f"build/{name}/artifact/model.onnx").read_bytes()
        assert (tmp_path / name / "model.onnx").read_bytes() == built


def test_two_who_register_the_same_at_once_get_the_same_versions(registry, outputs):
    versions = registry.versions()
    assert sorted(version.variant for version in versions) == ["linear", "lstm", "workshop"]
    for output in outputs:
        assert output.count("version 1 of") == output.count("version 2 of") == output.count("version 3 of") == 1


def test_the_version_s_files_are_read_through_the_server_from_s3(registry, s3_folder):
    (version, *_) = registry.versions()
    with registry.files(version) as folder:
        assert (folder / "model.onnx").stat().st_size > 1000
    assert len(list((s3_folder / "buckets/mlflow").rglob("model.onnx"))) >= 3


def test_of_two_promotions_at_once_one_wins_the_other_is_told_and_the_log_has_both(registry, monkeypatch):
    both_have_read = threading.Barrier(2)

    def changing_together(registry):
        both_have_read.wait(60)
        return changing(registry)

    def promoted(ref):
        try:
            promote.promote(Registry("sms-spam", registry.tracking_uri), ref, THRESHOLDS, why="a drill")
        except ChangedMeanwhile as error:
            return error
        return None

    promote.promote(registry, "1", THRESHOLDS, why="the first")
    monkeypatch.setattr(promote, "changing", changing_together)
    with ThreadPoolExecutor() as pool:
        errors = dict(zip("23", pool.map(promoted, "23"), strict=True))
    (winner,) = [ref for ref, error in errors.items() if error is None]
    assert registry.resolve("champion").number == winner
    last = [(event["what"], event["after"]["champion"]) for event in history(registry)][-2:]
    assert last[0][1] == winner and last[1] == ("overtaken", winner)


def test_a_service_takes_up_the_champion_and_answers(registry, tmp_path, tracking):
    promote.promote(registry, "1", THRESHOLDS, why="a drill")
    with Server(tmp_path, MLFLOW_TRACKING_URI=tracking.uri) as server, server.client() as calling:
        answer = calling.post("/prediction", json={"text": "WINNER!! Claim your free prize now"}).json()
    assert (answer["model_version"], answer["top"]["label"]) == ("1", "spam")


def test_a_training_goes_on_without_the_server_and_its_run_is_complete_afterwards(
    alice, tracking, outputs, monkeypatch
):
    monkeypatch.setitem(alice.settings, RETRIES, "1")  # 2 seconds instead of 12
    alice.change(**{"variants.workshop.network.units": 4, "variants.workshop.training.epochs": EPOCHS})
    client = MlflowClient(tracking.uri)
    experiment = client.get_experiment_by_name("sms-spam").experiment_id
    before = {run.info.run_id for run in client.search_runs([experiment])}
    printed = []
    with alice.start("dvc", "repro", "register@workshop") as process:
        for line in process.stdout:
            printed.append(line)
            if line.startswith("workshop: epoch 1"):
                tracking.kill()
    output = "".join(printed)
    assert process.returncode != 0 and "the training goes on without it" in output, output
    assert f"workshop: epoch {EPOCHS}" in output and "Running stage 'register@workshop'" in output
    assert "register: the registry at" in output and "Traceback" not in output
    tracking.start()
    assert "Running stage 'train@workshop'" not in alice.run("dvc", "repro", "register@workshop")
    runs = [run for run in client.search_runs([experiment]) if run.info.run_id not in before]
    (run,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert run.info.status == "FINISHED" and run.data.metrics["mcc"] and run.inputs.dataset_inputs
    epochs = [metric.step for metric in client.get_metric_history(run.info.run_id, "epoch/val_loss")]
    assert sorted(epochs) == list(range(1, EPOCHS + 1))
