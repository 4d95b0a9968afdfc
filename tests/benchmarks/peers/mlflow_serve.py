"""`mlflow models serve`, with one worker as by default: of this project's pyfunc, and of a TensorFlow model."""

import json
from collections.abc import Sequence
from pathlib import Path

from registry.model.tokenizer import Tokenizer
from tests.benchmarks.peers.served import BIN, Command, Peer, Request
from tests.server import ROOT

PYFUNC, TENSORFLOW = "mlflow serve, our pyfunc", "mlflow serve, TensorFlow flavour"
MODEL = "models:/sms-spam@champion"
URI = f"sqlite:///{ROOT}/mlflow.db"
LENGTH = 300  # tokens of a text, as the TensorFlow model is signed


def pyfunc(table: str) -> Peer:
    """The champion, which takes texts."""
    return Peer(PYFUNC, table, lambda folder, port: _serve(MODEL, port), _text, _texts)


def tensorflow(table: str, model: Path, tokenizer: Tokenizer) -> Peer:
    """The workshop's network as MLflow's TensorFlow flavour. The client sends ids: cutting them is not measured."""

    def texts(texts: Sequence[str]) -> Request:
        ids = [tokenizer.encode(text)["ids"] for text in texts]
        return _inputs([[0] * (LENGTH - len(own)) + own for own in ids])

    return Peer(
        TENSORFLOW, table, lambda folder, port: _serve(str(model), port), lambda text: texts([text]), texts, slow=True
    )


def _serve(model: str, port: int) -> Command:
    words = [BIN / "mlflow", "models", "serve", "--model-uri", model, "--env-manager", "local", "--port", str(port)]
    return Command(words, {"MLFLOW_TRACKING_URI": URI, "TF_CPP_MIN_LOG_LEVEL": "3"})


def _text(text: str) -> Request:
    return _inputs([text])


def _texts(texts: Sequence[str]) -> Request:
    return _inputs(list(texts))


def _inputs(rows: list[str] | list[list[int]]) -> Request:
    return Request("/invocations", json.dumps({"inputs": rows}))
