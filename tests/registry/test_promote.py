import json
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from registry.events import history
from registry.gate import Thresholds
from registry.promote import Refused, initialise, promote, rollback
from registry.publish import publish
from registry.versions import Registry, RegistryError, UnknownVersion
from tests.toyregistry import MODEL_NAME, add_version, write_evaluation

ROOT = Path(__file__).parents[2]
THRESHOLDS = Thresholds(
    floors={"mcc": 0.8}, ceilings={"ham_blocked": 0.02}, margin=0.02, confidence=0.9, resamples=200, seed=1
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A folder with a real MLflow store of three versions: 1 is fair, 2 the best, 3 poor."""
    folder = tmp_path_factory.mktemp("store")
    for bias, wrong in ((-1.0, 8), (-2.0, 2), (-3.0, 30)):
        add_version(folder, f"sqlite:///{folder / 'mlflow.db'}", bias, wrong=wrong)
    return folder


@pytest.fixture
def registry(store, tmp_path):
    """The registry of `store` in a database of the test's own; the versions' files are shared."""
    shutil.copy(store / "mlflow.db", tmp_path)
    return Registry(MODEL_NAME, f"sqlite:///{tmp_path / 'mlflow.db'}")


def aliases(registry):
    return {alias: version.number for version in registry.versions() for alias in version.aliases}


def cli(registry, folder, *words):
    (folder / "params.yaml").write_text(json.dumps({"gate": THRESHOLDS.model_dump()}))
    where = {"MLFLOW_TRACKING_URI": registry.tracking_uri, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "registry", *words]
    return subprocess.run(command, cwd=folder, env=where | {"COLUMNS": "80"}, capture_output=True, text=True)


def test_versions_are_listed_newest_first_and_found_by_number_and_alias(registry):
    promote(registry, "1", THRESHOLDS)
    assert [version.number for version in registry.versions()] == ["3", "2", "1"]
    assert registry.resolve("champion") == registry.resolve("1")
    with pytest.raises(UnknownVersion, match=r"no version '7' of sms-spam; there are: 3, 2, 1 = champion"):
        registry.resolve("7")


def test_registering_the_same_again_finds_the_version_that_is_there(registry, store, tmp_path):
    run = registry.resolve("2").run_id
    again, new = publish(registry, run, store / "toy-2.0", store / "evaluation-2.0")
    assert (again.number, new) == ("2", False)
    write_evaluation(tmp_path / "evaluation", wrong=3)
    measured_anew, new = publish(registry, run, store / "toy-2.0", tmp_path / "evaluation")
    assert (measured_anew.number, new) == ("4", True)
    assert measured_anew.digest == again.digest and measured_anew.key != again.key


def test_a_version_whose_files_are_gone_is_registered_anew(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    add_version(tmp_path, uri, -1.0)
    registry = Registry(MODEL_NAME, uri)
    (registry.folder(registry.resolve("1")) / "model.onnx").unlink()
    assert add_version(tmp_path, uri, -1.0) == "2"


def test_mlflow_loads_a_version_and_predicts_texts(registry):
    promote(registry, "1", THRESHOLDS)
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}@champion")
    spam, ham = loaded.predict(["win a free prize", "lunch at home"])
    assert spam["spam"] > 0.99 and ham["ham"] > 0.99


def test_the_best_version_is_the_first_champion_and_init_changes_nothing_again(registry):
    assert initialise(registry, THRESHOLDS) == {"champion": "2", "challenger": "1"}
    promote(registry, "1", THRESHOLDS, why="a drill")
    assert initialise(registry, THRESHOLDS) == {"champion": "1", "challenger": "2"}


def test_the_beaten_champion_becomes_the_challenger(registry):
    promote(registry, "1", THRESHOLDS)
    assert promote(registry, "2", THRESHOLDS).passed
    assert aliases(registry) == {"champion": "2", "challenger": "1"}
    assert promote(registry, "champion", THRESHOLDS) is None


def test_a_refused_promotion_changes_no_alias_and_keeps_its_verdict(registry):
    promote(registry, "2", THRESHOLDS)
    before = history(registry)
    with pytest.raises(Refused, match="mcc"):
        promote(registry, "3", THRESHOLDS)
    assert aliases(registry) == {"champion": "2"}
    assert history(registry) == before
    assert registry.resolve("3").verdict["passed"] is False


def test_rollback_undoes_one_promotion_after_the_other(registry):
    promote(registry, "1", THRESHOLDS)
    promote(registry, "2", THRESHOLDS)
    promote(registry, "3", THRESHOLDS, why="a drill")
    assert rollback(registry) == {"champion": "2", "challenger": "1"}
    assert rollback(registry) == {"champion": "1"}
    with pytest.raises(RegistryError, match="no promotion to roll back"):
        rollback(registry)
    assert [event["what"] for event in history(registry)] == ["promote", "promote", "force", "rollback", "rollback"]


def test_no_version_that_keeps_an_alias_is_ever_without_one(registry, monkeypatch):
    seen = []

    def looked_at(change):
        return lambda *args: (change(*args), seen.append(set(aliases(registry).values())))

    for name in ("set_registered_model_alias", "delete_registered_model_alias"):
        monkeypatch.setattr(registry.client, name, looked_at(getattr(registry.client, name)))
    registry.point({}, {"champion": "3", "challenger": "2"})
    for before, after in (("32", "13"), ("13", "32"), ("32", "23")):  # a promotion, its rollback, a swap
        seen.clear()
        now = dict(zip(("champion", "challenger"), after, strict=True))
        registry.point(dict(zip(("champion", "challenger"), before, strict=True)), now)
        assert aliases(registry) == now
        assert all(set(before) & set(after) <= numbers for numbers in seen)


def test_rollback_leaves_other_aliases_alone(registry):
    promote(registry, "1", THRESHOLDS)
    promote(registry, "2", THRESHOLDS)
    MlflowClient(registry.tracking_uri, registry.tracking_uri).set_registered_model_alias(MODEL_NAME, "night", "3")
    assert rollback(registry) == {"champion": "1", "night": "3"}


@pytest.mark.slow
def test_the_command_line(registry, tmp_path):
    assert "champion: version 2" in cli(registry, tmp_path, "init").stdout

    refused = cli(registry, tmp_path, "promote", "3")
    assert refused.returncode == 1
    assert "fail" in refused.stdout and "version 3 was not promoted" in refused.stderr
    assert aliases(registry) == {"champion": "2", "challenger": "1"}

    assert cli(registry, tmp_path, "promote", "3", "--force").returncode == 2
    assert cli(registry, tmp_path, "promote", "3", "--force", "--why", "a drill").returncode == 0
    shown = json.loads(cli(registry, tmp_path, "show", "champion", "--json").stdout)
    assert shown["version"] == "3" and shown["metrics"]["mcc"] < 0.8 and shown["verdict"]["passed"] is False

    log = json.loads(cli(registry, tmp_path, "log", "--json").stdout)
    assert log[-1]["what"] == "force" and log[-1]["why"] == "a drill"
    assert cli(registry, tmp_path, "rollback").stdout == "challenger: version 1, champion: version 2\n"

    listed = cli(registry, tmp_path, "list").stdout
    assert "champion" in listed and max(map(len, listed.splitlines())) <= 80
    unknown = cli(registry, tmp_path, "show", "9")
    assert unknown.returncode == 1 and "there are: 3, 2 = champion, 1 = challenger" in unknown.stderr


@pytest.mark.parametrize("hidden", ["someone:hidden", "hidden", "someone:hid@hidden"])
def test_an_unreachable_registry_is_named_without_its_password(hidden, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9") as failure:
        Registry(MODEL_NAME, f"http://{hidden}@127.0.0.1:9").versions()
    assert "hidden" not in str(failure.value)
