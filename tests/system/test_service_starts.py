"""What the service says when it cannot start, and which settings count."""

import os
import shutil
import signal
import socket
import sqlite3
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.server import PATIENCE, Server
from tests.system.tools import process_tree, running


def output_of_failed_start(folder, **settings) -> str:
    """What it says: one sentence. Nothing of it is left, neither a process nor its folder."""
    server = Server(folder, TMPDIR=str(folder), **settings)
    pids = process_tree(server.process.pid)
    assert server.process.wait(PATIENCE) != 0
    output = server.log.read_text()
    assert "Traceback" not in output and output.count("\n") == 1 and output.startswith("error: ")
    assert not running(pids) and not list(folder.glob("sms-spam-*"))
    return output


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"PORT": "http"}, "PORT: Input should be a valid integer"),
        ({"MOCK_MODEL": "perhaps"}, "MOCK_MODEL"),
        ({"LOG_TTL": "-1"}, "LOG_TTL"),
        ({"API_KEYS_FILE": "nowhere", "MOCK_MODEL": "1"}, "API_KEYS_FILE: cannot read"),
        ({"PROTECT_OPERATIONS": "true", "MOCK_MODEL": "1"}, "PROTECT_OPERATIONS needs API_KEYS_FILE"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(tmp_path, settings, why):
    output = output_of_failed_start(tmp_path, **settings, CASSANDRA_PASSWORD="a secret")
    assert why in output and "a secret" not in output


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"SQLITE_PATH": "/dev/null/spam.db"}, "/dev/null/spam.db: unable to open"),
        ({"CASSANDRA_CONTACT_POINTS": "127.0.0.1", "SPOOL_PATH": "/dev/null/a.db"}, "SPOOL_PATH=/dev/null/a.db"),
        ({"CASSANDRA_CONTACT_POINTS": "127.0.0.1", "CASSANDRA_TLS_CA": "/dev/null"}, "CASSANDRA_TLS_CA=/dev/null"),
        ({"ASTRA_DB_SECURE_BUNDLE_PATH": "/dev/null"}, "ASTRA_DB_SECURE_BUNDLE_PATH=/dev/null"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start(tmp_path, settings, why):
    assert why in output_of_failed_start(tmp_path, MOCK_MODEL="1", **settings)


def test_another_programs_file_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "spam.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    assert "another program's tables" in output_of_failed_start(tmp_path, MOCK_MODEL="1")


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on port {port}" in output_of_failed_start(tmp_path, PORT=str(port), MOCK_MODEL="1")


def test_an_address_that_is_not_this_machines_is_named(tmp_path):
    assert "cannot listen on 192.0.2.1" in output_of_failed_start(tmp_path, HOST="192.0.2.1", MOCK_MODEL="1")


def test_it_listens_on_loopback_alone_and_elsewhere_warns_where_anybody_may_call(tmp_path):
    warning = "whoever reaches 0.0.0.0 may call"
    with Server(tmp_path, MOCK_MODEL="1") as server:
        assert listening_on(server) == "127.0.0.1" and warning not in server.log.read_text()
    with Server(tmp_path, MOCK_MODEL="1", BENTOML_CONTAINERIZED="true") as server:
        assert listening_on(server) == "0.0.0.0" and server.log.read_text().count(warning) == 1


def test_the_command_line_wins_over_the_setting(tmp_path):
    with Server(tmp_path, MOCK_MODEL="1", BENTOML_HOST="127.0.0.1", HOST="127.0.0.2") as server:  # as --host does
        assert listening_on(server) == "127.0.0.1"


def listening_on(server: Server) -> str:
    """The IPv4 address in whose name its port is open, from /proc/net/tcp: LISTEN is state 0A there."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    (address,) = {row[1] for row in rows if row[3] == "0A" and int(row[1].partition(":")[2], 16) == server.port}
    return str(ip_address(bytes.fromhex(address.partition(":")[0])[::-1]))


def test_ctrl_c_ends_it_quietly_as_interrupted(tmp_path):
    with Server(tmp_path, MOCK_MODEL="1", TMPDIR=str(tmp_path)) as server:
        pids = process_tree(server.process.pid)
        for pid in pids:  # as a terminal does
            os.kill(pid, signal.SIGINT)
        assert server.process.wait(PATIENCE) == 130
    assert "Traceback" not in server.log.read_text()
    assert not running(pids) and not list(tmp_path.glob("sms-spam-*"))


def test_settings_in_a_dotenv_file_count_where_it_is_started(tmp_path):
    repository = tmp_path / "repository"
    for name in ("bentos", "registry"):
        shutil.copytree(name, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy("pyproject.toml", repository)
    (repository / ".env").write_text("API_KEY_FILE=keys\n")
    assert "API_KEYS_FILE is meant" in output_of_failed_start(tmp_path, cwd=repository)
    (repository / ".env").write_text("API_NAME=from the file\nMOCK_MODEL=1\nSQLITE_PATH=here.db\n")
    with Server(tmp_path, cwd=repository, SQLITE_PATH="") as server, server.client() as client:
        assert client.get("/").json()["api_name"] == "from the file"
        assert (repository / "here.db").exists()
