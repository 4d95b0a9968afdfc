"""Seldon's MLServer with its MLflow runtime, serving this project's pyfunc, in an environment of its own.

MLServer 1.7 needs older packages: with pandas 3 it answers no column of text ("KeyError: 'O'"), and with uvloop 0.22
its inference worker ends at once ("There is no current event loop").
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.peers.mlflow_serve import MODEL, URI
from tests.benchmarks.peers.served import BIN, Command, Peer, PeerError, Request
from tests.server import free_port

NAME = "MLServer"
PYTHON = ">=3.11,<3.13"  # what both run on
SAME = ("mlflow", "numpy", "onnxruntime", "pydantic")  # versions as in this environment
REQUIREMENTS = ["mlserver==1.7.1", "mlserver-mlflow==1.7.1", "pandas<3", "uvloop<0.22"]
SETTINGS = {"debug": False, "host": "127.0.0.1"}  # one inference worker, as by default


def mlserver(table: str, environment: Path) -> Peer:
    """`environment` is the folder that `prepare` made."""

    def command(folder: Path, port: int) -> Command:
        ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        folders = {"environments_dir": str(folder / "envs"), "metrics_dir": str(folder / "metrics")}
        (folder / "settings.json").write_text(json.dumps(SETTINGS | ports | folders))
        model = {"name": "sms-spam", "implementation": "mlserver_mlflow.MLflowRuntime", "parameters": {"uri": MODEL}}
        (folder / "model-settings.json").write_text(json.dumps(model))
        return Command([environment / "bin/mlserver", "start", folder], {"MLFLOW_TRACKING_URI": URI})

    return Peer(NAME, table, command, lambda text: _infer([text]), _infer)


def prepare(environment: Path) -> None:
    """Install it, unless that is done. Raises PeerError where the package index or a fitting Python is missing."""
    requirements = [*REQUIREMENTS, *(f"{name}=={version(name)}" for name in SAME)]
    done = environment / "installed.txt"
    if done.exists() and done.read_text() == "\n".join(requirements):
        return
    shutil.rmtree(environment, ignore_errors=True)
    _uv("venv", "--python", PYTHON, environment)
    _uv("pip", "install", "--python", environment / "bin/python", "--compile-bytecode", *requirements)
    done.write_text("\n".join(requirements))


def _uv(*words: str | Path) -> None:
    done = subprocess.run([BIN / "uv", *words, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise PeerError(f"it cannot be installed: {' '.join(done.stderr.split())[:200]}")


def _infer(texts: Sequence[str]) -> Request:
    column = {"name": "input-0", "shape": [len(texts), 1], "datatype": "BYTES", "parameters": {"content_type": "str"}}
    return Request("/v2/models/sms-spam/infer", json.dumps({"inputs": [column | {"data": list(texts)}]}))
