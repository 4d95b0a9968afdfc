"""An MLflow server that keeps the artifacts itself, with its tables in PostgreSQL where there is one.

The registry's commands work with it over HTTP, a service follows it, and what is read of it and of its tables without
MLflow is what MLflow reads.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.promote import promote
from registry.quick import DetachedRegistry, source_of
from registry.reading import rest
from registry.reading.mlflow_process import MLflowProcess
from registry.versions import Registry
from tests import team
from tests.registry.conftest import THRESHOLDS
from tests.server import Server
from tests.system.tools import default_version, follower_of, get_json, wait_until
from tests.team import TrackingServer
from tests.toyregistry import MODEL_NAME, add_version

ROOT = Path(__file__).parents[2]
MOST = 100 * 1024  # KiB that the follower may have resident


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with ExitStack() as stack:
        there = (team.POSTGRES / "initdb").exists()
        yield stack.enter_context(team.postgres()) if there else f"sqlite:///{tmp_path_factory.mktemp('db')}/mlflow.db"


@pytest.fixture(scope="module")
def server(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("remote")
    with TrackingServer(folder, database, str(folder / "kept"), {}) as server:
        add_version(folder, server.uri, -1.0)
        yield server


@pytest.fixture(scope="module")
def remote(server):
    """The URI of a server that has one toy, version 1."""
    return server.uri


def test_what_show_and_promote_download_is_deleted(remote, tmp_path):
    (tmp_path / "downloads").mkdir()
    settings = {"MLFLOW_TRACKING_URI": remote, "TMPDIR": str(tmp_path / "downloads")}
    for words in (["show", "1"], ["promote", "1", "--force", "--why", "a drill"]):
        command = [sys.executable, "-m", "registry", *words]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Model card" in done.stdout or "version 1 is champion" in done.stdout
        assert list((tmp_path / "downloads").iterdir()) == []


def test_what_is_read_without_mlflow_is_what_mlflow_reads(remote, database, tmp_path, monkeypatch):
    models = Registry(MODEL_NAME, remote)
    for number in "23":
        add_version(tmp_path, remote, -float(number))
    models.client.delete_model_version(MODEL_NAME, "3")
    _register(database, "another")
    models.tag_model("empty", "")
    models.point({}, {"challenger": "2"})
    monkeypatch.setattr(rest, "PAGE", 1)
    for uri in (remote, database):
        source, mlflow = source_of(uri), Registry(MODEL_NAME, uri)
        assert source.model(MODEL_NAME) == mlflow.model() and source.tags(MODEL_NAME) == mlflow.model_tags()
        assert [version.number for version in source.model(MODEL_NAME).versions] == ["2", "1"]
        assert source.location(MODEL_NAME, "2") == mlflow.client.get_model_version_download_uri(MODEL_NAME, "2")
        assert source.model("absent") is None and source.tags("absent") is None


def _register(database: str, name: str) -> None:
    """Another model with one version, whose files are nowhere; the server itself would refuse it."""
    client = Registry(name, database).client
    client.create_registered_model(name)
    client.create_model_version(name, "mlflow-artifacts:/nowhere", tags={"digest": "x"})


def test_a_version_is_downloaded_whole_or_not_at_all(remote, database, tmp_path):
    mlflow, models = MLflowProcess(), Registry(MODEL_NAME, remote)
    _register(database, "gone")
    version = models.resolve("1")
    try:
        detached = DetachedRegistry(MODEL_NAME, remote, mlflow)
        folder = detached.download(version, tmp_path)
        with models.files(version) as expected:
            for file in (file for file in expected.rglob("*") if file.is_file()):
                assert (folder / file.relative_to(expected)).read_bytes() == file.read_bytes()
        assert detached.local_folder(version) is None
        before = set(tmp_path.iterdir())
        with pytest.raises(RegistryError, match=rf"^the registry at {remote} \(MLFLOW_TRACKING_URI\): "):
            DetachedRegistry("gone", remote, mlflow).download(version, tmp_path)
        assert set(tmp_path.iterdir()) == before
    finally:
        mlflow.end()


def test_a_service_follows_it_in_little_memory_and_downloads_a_version_once(server, tmp_path):
    models = Registry(MODEL_NAME, server.uri)
    promote(models, "1", THRESHOLDS, why="a drill")
    settings = {"MLFLOW_TRACKING_URI": server.uri, "POLL_INTERVAL": "0.2", "TMPDIR": str(tmp_path)}
    with Server(tmp_path, **settings) as service:
        assert wait_until(lambda: default_version(service)) == "1"
        number = add_version(tmp_path, server.uri, 1.0)
        promote(models, number, THRESHOLDS, why="a drill")
        wait_until(lambda: default_version(service) == number)
        follower = Path(f"/proc/{follower_of(service)}")
        wait_until(lambda: not list((follower / "task" / follower.name).glob("children/*")))
        status = dict(line.split(":", 1) for line in (follower / "status").read_text().splitlines())
        assert int(status["VmHWM"].split()[0]) < MOST and "mlflow" not in (follower / "maps").read_text()
        server.kill()
        wait_until(lambda: get_json(service, "/versions")["registry"]["why_stale"])
        wait_until(lambda: "refused" in service.log.read_text())  # the first attempt may meet the server's end
        assert default_version(service) == number
        server.start()
        wait_until(lambda: not get_json(service, "/versions")["registry"]["why_stale"])
        assert follower_of(service) == int(follower.name)
