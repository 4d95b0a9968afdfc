"""A registry is read without MLflow where that can be, and by MLflow where it cannot."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.quick import DetachedRegistry, QuickRegistry
from registry.reading.mlflow_process import MLflowProcess
from registry.route import Routing, read_routing, set_routing
from tests.toyregistry import MODEL_NAME

ROOT = Path(__file__).parents[2]


@pytest.fixture
def quick(registry) -> QuickRegistry:
    return QuickRegistry(MODEL_NAME, registry.tracking_uri)


def test_what_is_read_is_read_without_mlflow(registry, quick):
    registry.point({}, {"champion": "2", "challenger": "1"})
    set_routing(registry, Routing({"challenger": 10.0}))
    assert quick.everything() == registry.everything() and quick.model_tags() == registry.model_tags()
    assert read_routing(quick) == Routing({"challenger": 10.0})
    version = quick.resolve("2")
    assert quick.folder(version) == registry.folder(version) and "client" not in vars(quick)


def test_another_schema_is_left_to_mlflow(quick):
    """MLflow then has the last word, and here an error of its own."""
    with sqlite3.connect(quick.tracking_uri.removeprefix("sqlite:///")) as db:
        db.execute("DROP TABLE registered_model_aliases")
    with pytest.raises(RegistryError, match="the registry at sqlite"):
        quick.everything()
    assert "client" in vars(quick)


def test_a_model_that_was_never_registered_has_no_tags(quick):
    quick.model_name = "absent"
    with pytest.raises(RegistryError, match="not found"):
        quick.model_tags()


def test_files_that_are_gone_are_an_error(registry, quick, tmp_path):
    version = quick.resolve("2")
    gone = tmp_path / "not there"
    registry.client.create_model_version(MODEL_NAME, str(gone), tags={"digest": "x"})
    with pytest.raises(RegistryError, match=f"No such folder: {gone}"):
        quick.folder(replace(version, number="4"))


def test_another_workspace_is_left_to_mlflow(quick, monkeypatch):
    monkeypatch.setenv("MLFLOW_WORKSPACE", "theirs")
    quick.everything()
    assert "client" in vars(quick)


def test_a_store_that_is_not_there_has_no_versions_and_is_not_made(tmp_path):
    assert QuickRegistry("absent", f"sqlite:///{tmp_path / 'new.db'}").versions() == []
    assert not (tmp_path / "new.db").exists()


def test_what_cannot_be_read_without_mlflow_is_asked_of_its_process(registry, tmp_path, monkeypatch):
    expected = registry.model()
    monkeypatch.setenv("MLFLOW_WORKSPACE", "default")
    process = MLflowProcess()
    detached = DetachedRegistry(MODEL_NAME, registry.tracking_uri, process)
    try:
        assert detached.model() == expected
        first = process._process
        folder = detached.download(expected.versions[0], tmp_path)
        assert folder == registry.folder(expected.versions[0]) and process._process is first
        for _ in range(2):
            with pytest.raises(RegistryError, match=r"the registry at sqlite.*not found"):
                detached.download(replace(expected.versions[0], number="99"), tmp_path)
    finally:
        process.end()
    assert first.returncode and detached.model() == expected and process._process is None, "not for each poll"
    assert [path for path in tmp_path.iterdir() if path.is_dir() and any(path.iterdir())] == []


def test_the_list_imports_none_of_the_slow_libraries(registry):
    """They are what it took three seconds for."""
    body = "import sys\nfrom registry.__main__ import main\nmain(['list'])\nprint(sys.modules.keys() & set(sys.argv))"
    slow = ["mlflow", "pandas", "requests", "scipy", "sqlalchemy"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry.tracking_uri}
    command = [sys.executable, "-c", body, *slow]
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "version aliases" in listed.stdout and listed.stdout.endswith("set()\n")
