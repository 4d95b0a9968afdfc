"""The registry's commands against an MLflow server over HTTP that keeps the artifacts itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.team import TrackingServer
from tests.toyregistry import add_version

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """The URI of a server that has one toy."""
    folder = tmp_path_factory.mktemp("remote")
    with TrackingServer(folder, f"sqlite:///{folder / 'mlflow.db'}", str(folder / "kept"), {}) as server:
        add_version(folder, server.uri, -1.0)
        yield server.uri


def test_what_show_and_promote_download_is_deleted(remote, tmp_path):
    (tmp_path / "downloads").mkdir()
    settings = {"MLFLOW_TRACKING_URI": remote, "TMPDIR": str(tmp_path / "downloads")}
    for words in (["show", "1"], ["promote", "1", "--force", "--why", "a drill"]):
        command = [sys.executable, "-m", "registry", *words]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Model card" in done.stdout or "version 1 is champion" in done.stdout
        assert list((tmp_path / "downloads").iterdir()) == []
