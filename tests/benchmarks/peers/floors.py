"""The floors: what FastAPI on uvicorn, and BentoML around it, take for an answer that costs nothing."""

import json
from pathlib import Path

from tests.benchmarks.peers.served import BIN, Command, Peer, Request

UVICORN, BENTOML = "a constant, uvicorn", "a constant, BentoML"
APP = "tests.benchmarks.peers.constant:app"
SERVICE = "tests.benchmarks.peers.constant_bentoml:Constant"


def floors(table: str) -> list[Peer]:
    """BentoML as it comes, and uvicorn without its access log."""
    return [
        Peer(BENTOML, table, _bentoml, _one),
        Peer(UVICORN, table, _uvicorn, _one),
    ]


def _one(text: str) -> Request:
    return Request("/prediction", json.dumps({"text": text}))


def _uvicorn(folder: Path, port: int) -> Command:
    return Command([BIN / "uvicorn", APP, "--port", str(port), "--no-access-log"])


def _bentoml(folder: Path, port: int) -> Command:
    words = [BIN / "bentoml", "serve", SERVICE, "--host", "127.0.0.1", "--port", str(port)]
    return Command(words, {"BENTOML_HOME": str(folder / "bentoml")})
