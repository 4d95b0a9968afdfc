"""MLflow's process ends with its answer, with who asks, and when it takes too long; its answers: `test_quick.py`."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.reading import mlflow_process
from registry.reading.mlflow_process import MLflowProcess
from tests.system.tools import process_tree, running, wait_until

ROOT = Path(__file__).parents[3]
ASK = "import sys; from registry.reading.mlflow_process import MLflowProcess; MLflowProcess().model(sys.argv[1], 'm')"


@pytest.fixture
def silent():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server


def uri_of(server: socket.socket) -> str:
    return f"http://me:hunter2@127.0.0.1:{server.getsockname()[1]}"


def test_it_ends_with_who_asks_though_it_waits_for_an_answer(silent):
    asking = subprocess.Popen([sys.executable, "-c", ASK, uri_of(silent)], cwd=ROOT)
    connection, _ = silent.accept()
    mlflow = process_tree(asking.pid) - {asking.pid}
    asking.send_signal(signal.SIGKILL)
    asking.wait()
    wait_until(lambda: not running(mlflow))
    connection.close()
    assert mlflow


def test_an_answer_that_does_not_come_is_an_error_in_words_and_the_next_question_has_a_new_process(silent, monkeypatch):
    monkeypatch.setattr(mlflow_process, "PATIENCE", 0.01)
    process, before = MLflowProcess(), process_tree(os.getpid())
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"^the registry at http://\*\*\*@127.*: MLflow gave no answer"):
            process.model(uri_of(silent), "m")
        assert process_tree(os.getpid()) <= before
