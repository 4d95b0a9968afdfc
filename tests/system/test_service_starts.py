"""What the service says when it cannot start, and which settings count."""

import shutil
import socket
import sqlite3

import pytest

from tests.server import PATIENCE, Server


def output_of_failed_start(folder, **settings) -> str:
    server = Server(folder, **settings)
    assert server.process.wait(PATIENCE) != 0
    output = server.log.read_text()
    assert "Traceback" not in output
    return output


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
    output = output_of_failed_start(tmp_path, **settings, CASSANDRA_PASSWORD="a secret")
    assert why in output and "a secret" not in output


def test_another_programs_file_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "spam.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    assert "another program's tables" in output_of_failed_start(tmp_path, MOCK_MODEL="1")


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on port {port}" in output_of_failed_start(tmp_path, PORT=str(port), MOCK_MODEL="1")


def test_settings_in_a_dotenv_file_count_where_it_is_started(tmp_path):
    repository = tmp_path / "repository"
    for name in ("bentos", "registry"):
        shutil.copytree(name, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", repository)
    (repository / ".env").write_text("API_NAME=from the file\nMOCK_MODEL=1\nSQLITE_PATH=here.db\n")
    with Server(tmp_path, cwd=repository, SQLITE_PATH="") as server, server.client() as client:
        assert client.get("/").json()["api_name"] == "from the file"
        assert (repository / "here.db").exists()
