"""What is read from MLflow's file is what MLflow reads from it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from registry.quick import QuickRegistry
from registry.route import Routing, read_routing, set_routing
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(registry) -> QuickRegistry:
    return QuickRegistry(MODEL_NAME, registry.tracking_uri)


def test_both_read_the_same(registry, quick):
    registry.point({}, {"champion": "2", "challenger": "1"})
    registry.client.create_registered_model("another")
    registry.client.create_model_version("another", "file:///nowhere", tags={"digest": "x"})
    registry.client.delete_model_version(MODEL_NAME, "3")
    set_routing(registry, Routing({"challenger": 10.0}))
    assert [version.number for version in quick.everything()] == ["2", "1"]
    assert quick.everything() == registry.everything() and quick.model_tags() == registry.model_tags()
    assert read_routing(quick) == Routing({"challenger": 10.0}) and "client" not in vars(quick)


@pytest.mark.parametrize(
    "damage", ["DROP TABLE registered_model_aliases", "ALTER TABLE model_versions RENAME status TO s"]
)
def test_another_schema_is_left_to_mlflow(quick, damage):
    """MLflow then has the last word, and here an error of its own."""
    with sqlite3.connect(quick.tracking_uri.removeprefix("sqlite:///")) as db:
        db.execute(damage)
    with pytest.raises(Exception, match="the registry at sqlite"):
        quick.everything()
    assert "client" in vars(quick)


def test_another_workspace_is_left_to_mlflow(quick, monkeypatch):
    monkeypatch.setenv("MLFLOW_WORKSPACE", "theirs")
    quick.everything()
    assert "client" in vars(quick)


def test_a_store_without_the_model_has_no_versions(tmp_path):
    assert QuickRegistry("absent", f"sqlite:///{tmp_path / 'new.db'}").versions() == []
    assert not Registry("absent", f"sqlite:///{tmp_path / 'new.db'}").versions()


def test_the_list_imports_none_of_the_slow_libraries(registry):
    """They are what it took three seconds for."""
    body = "import sys\nfrom registry.__main__ import main\nmain(['list'])\nprint(sys.modules.keys() & set(sys.argv))"
    slow = ["mlflow", "pandas", "requests", "scipy", "sqlalchemy"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry.tracking_uri}
    command = [sys.executable, "-c", body, *slow]
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "version aliases" in listed.stdout and listed.stdout.endswith("set()\n")
