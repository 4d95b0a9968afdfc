"""The reference service of `workshop_api`, on the Cassandra node that this project's service uses, too."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.peers.served import BIN, Command, Peer, Request

NAME = "the workshop's API"
TRAINED = Path("build/workshop/model")


def workshop(table: str, model: Path, node: Mapping[str, str]) -> Peer:
    """`model` is the folder that `prepare` wrote; `node` are the settings of the Cassandra node."""

    def command(folder: Path, port: int) -> Command:
        words = [BIN / "uvicorn", "tests.benchmarks.peers.workshop_api:app", "--port", str(port)]
        own = {"MODEL": str(model / "model.keras"), "TOKENIZER": str(TRAINED / "tokenizer.json")}
        return Command(words, {**node, **own, "CQLENG_ALLOW_SCHEMA_MANAGEMENT": "1", "TF_CPP_MIN_LOG_LEVEL": "3"})

    return Peer(NAME, table, command, _one, caches=True, slow=True)


def prepare(folder: Path) -> None:
    """Write the workshop's network into the folder, unless it is there since the last training."""
    made = folder / "mlflow" / "MLmodel"
    if made.exists() and made.stat().st_mtime > (TRAINED / "model.weights.h5").stat().st_mtime:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.peers.workshop_model", folder], check=True, capture_output=True
    )


def fill(texts: Sequence[str], node: Mapping[str, str]) -> None:
    """Write rows of the table of answers, as the service would in some minutes."""
    os.environ["CQLENG_ALLOW_SCHEMA_MANAGEMENT"] = "1"
    from tests.benchmarks.peers.workshop_api import Answer, connect, connection

    connect(node["CASSANDRA_CONTACT_POINTS"], int(node["CASSANDRA_PORT"]))
    for text in texts:
        Answer.create(text=text, label="ham", confidence=0.9)
    connection.unregister_connection("default")


def _one(text: str) -> Request:
    return Request("/prediction", json.dumps({"text": text}))
