"""The registry's commands against an MLflow server over HTTP that keeps the artifacts itself."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.server import free_port
from tests.system.tools import wait_until
from tests.toyregistry import add_version

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """The URI of a server that has one toy."""
    folder, port = tmp_path_factory.mktemp("remote"), free_port()
    places = ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", folder / "kept"]
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port), *places]
    uri = f"http://127.0.0.1:{port}"
    with open(folder / "log", "w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as server:
        try:
            wait_until(lambda: _answers(uri) or server.poll() is not None)
            add_version(folder, uri, -1.0)
            yield uri
        finally:
            server.terminate()


def _answers(uri: str) -> bool:
    try:
        return httpx.get(f"{uri}/health").status_code == 200
    except httpx.TransportError:
        return False


def test_what_show_and_promote_download_is_deleted(remote, tmp_path):
    (tmp_path / "downloads").mkdir()
    settings = {"MLFLOW_TRACKING_URI": remote, "TMPDIR": str(tmp_path / "downloads")}
    for words in (["show", "1"], ["promote", "1", "--force", "--why", "a drill"]):
        command = [sys.executable, "-m", "registry", *words]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Model card" in done.stdout or "version 1 is champion" in done.stdout
        assert list((tmp_path / "downloads").iterdir()) == []
