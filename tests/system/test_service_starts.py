"""What the service does where something is missing, broken or wrong."""

import os
import shutil
import signal
import socket
import sqlite3
import time

import httpx
import pytest

from tests.server import PATIENCE, Server
from tests.toyregistry import add_version, make_registry

pytestmark = pytest.mark.slow


def refusal(folder, **settings) -> str:
    """What it says when it does not start."""
    server = Server(folder, **settings)
    assert server.process.wait(PATIENCE) != 0
    said = server.log.read_text()
    assert "Traceback" not in said
    return said


def test_before_any_registry_it_starts_and_says_what_to_do(tmp_path):
    missing = tmp_path / "mlflow.db"
    with Server(tmp_path, MLFLOW_TRACKING_URI=f"sqlite:///{missing}") as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        for path in ("/readyz", "/prediction?text=free"):
            response = client.get(path)
            assert response.status_code == 503 and "make up" in response.json()["detail"]
    assert not missing.exists()


def test_with_nothing_promoted_it_starts_and_says_what_to_do(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    add_version(tmp_path, uri, -1.0)
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri) as server, server.client() as client:
        for path in ("/readyz", "/prediction?text=free", "/prediction?text=free&model_version=1"):
            response = client.get(path)
            assert response.status_code == 503 and "python -m registry promote" in response.json()["detail"]


def test_a_broken_artifact_is_refused_and_the_others_serve(tmp_path):
    uri = make_registry(tmp_path)
    broken = [path for path in (tmp_path / "artifacts").rglob("model.onnx") if _alias(path, uri) == "challenger"]
    broken[0].write_bytes(b"damaged")
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri) as server, server.client() as client:
        assert client.get("/prediction", params={"text": "free"}).json()["model_version"] == "1"
        (refused,) = client.get("/versions").json()["refused"]
        assert refused["model_version"] == "2" and "damaged" in refused["why"]
        response = client.get("/prediction", params={"text": "free", "model_version": "challenger"})
        assert response.status_code == 503 and "damaged" in response.json()["detail"]


def _alias(onnx, uri) -> str:
    from registry.model.artifact import Artifact
    from registry.versions import Registry

    digest = Artifact.load(onnx.parent).digest
    return next(v.aliases[0] for v in Registry("sms-spam", uri).versions() if v.digest == digest)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"PORT": "http"}, "PORT: Input should be a valid integer"),
        ({"MOCK_MODEL": "perhaps"}, "MOCK_MODEL"),
        ({"LOG_TTL": "-1"}, "LOG_TTL"),
        ({"API_KEYS_FILE": "nowhere", "MOCK_MODEL": "1"}, "API_KEYS_FILE: cannot read"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(tmp_path, settings, why):
    said = refusal(tmp_path, **settings, CASSANDRA_PASSWORD="a secret")
    assert why in said and "a secret" not in said


def test_another_programs_file_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "spam.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    assert "another program's tables" in refusal(tmp_path, MOCK_MODEL="1")


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on port {port}" in refusal(tmp_path, PORT=str(port), MOCK_MODEL="1")


def test_settings_in_a_dotenv_file_count_where_it_is_started(tmp_path):
    repository = tmp_path / "repository"
    for name in ("bentos", "registry"):
        shutil.copytree(name, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", repository)
    (repository / ".env").write_text("API_NAME=from the file\nMOCK_MODEL=1\nSQLITE_PATH=here.db\n")
    with Server(tmp_path, cwd=repository, SQLITE_PATH="") as server, server.client() as client:
        assert client.get("/").json()["api_name"] == "from the file"
        assert (repository / "here.db").exists()


def test_a_worker_that_dies_is_replaced_and_sees_what_was_promoted_meanwhile(tmp_path):
    uri = make_registry(tmp_path)
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri) as server, server.client() as client:
        assert client.get("/versions").json()["default"] == "1"
        add_version(tmp_path, uri, -2.0, "champion")
        os.kill(server.workers()[0], signal.SIGKILL)
        assert _default_within(PATIENCE, server) == "3"


def _default_within(seconds: float, server: Server) -> str:
    """The default version, once a new worker answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with server.client() as client:
                return client.get("/versions").json()["default"]
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
