"""What memory the service's processes keep: after each of many requests, and with more versions to serve.

Half of the texts are new, the others cached. The versions are the trained variant `lstm` with weights that differ in
their last digits, so that no two of them can share anything that those of different trainings could not.
"""

import io
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr
from itertools import chain, count
from pathlib import Path

import numpy as np

from registry.model import artifact
from registry.model.tokenizer import Tokenizer
from tests.benchmarks.http import SQLITE
from tests.benchmarks.load import Load, put
from tests.benchmarks.messages import messages, requests
from tests.benchmarks.peers.ours import ours
from tests.benchmarks.peers.served import PeerError, Request, Served
from tests.benchmarks.results import OURS, Figure
from tests.toyregistry import add_version

TABLE = "memory of ours"
STEP = 50_000  # requests between two looks
CLIENTS = 32
VERSIONS = (1, 20)
TRAINED = Path("build/lstm/artifact")


def measure(seconds: float = 0.0, rounds: int = 20) -> Iterator[Figure]:
    """After each of `rounds` times `STEP` requests, in `seconds` at least; then with each number of `VERSIONS`."""
    yield from long_load(seconds, rounds)
    for many in VERSIONS:
        yield served(many)


def after(asked: int) -> str:
    return f"after {asked:,} requests"


def serving(many: int) -> str:
    return f"{many} version{'s' * (many > 1)} served"


def long_load(seconds: float, rounds: int) -> Iterator[Figure]:
    peer, texts, numbers = ours(SQLITE), messages(), count(1)
    pairs = zip(*(requests(peer, texts, 1, cached) for cached in (True, False)), strict=True)
    bodies = [request.body for request in chain.from_iterable(pairs)]
    with tempfile.TemporaryDirectory() as folder, Served(peer, Path(folder)) as service:
        for asked in range(STEP, (rounds + 1) * STEP, STEP):
            left, errors = STEP, 0
            while left > 0 and not errors:
                load = Load(service.port, "/prediction", bodies, CLIENTS, seconds, next(numbers), warm=0, least=left)
                answered = put(load)
                left, errors = left - answered.requests, answered.errors
            yield Figure(TABLE, after(asked), OURS, "errors", errors)
            yield Figure(TABLE, after(asked), OURS, "MB", service.memory().rss)


def served(many: int) -> Figure:
    """The memory of all processes once each version has answered."""
    with tempfile.TemporaryDirectory() as folder:
        uri = registry_of(Path(folder), many)
        peer = ours(SQLITE, MLFLOW_TRACKING_URI=uri, SERVED_VERSIONS="all")
        with Served(peer, Path(folder)) as service:
            text = peer.one("WINNER!! Claim your free prize").body
            for number in range(1, many + 1):
                status, body = service.wait_for(Request(f"/versions/{number}/prediction", text))
                if status != 200:
                    raise PeerError(f"version {number} answers {status}: {body.decode()}")
            return Figure(TABLE, serving(many), OURS, "MB", service.memory().rss)


def registry_of(folder: Path, many: int) -> str:
    """The URI of a registry with so many versions, the first of them champion. MLflow's notices are not shown."""
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    uri = f"sqlite:///{folder}/mlflow.db"
    with redirect_stderr(io.StringIO()):
        for number in range(many):
            trained = vary(folder / f"artifact{number}", number)
            add_version(folder, uri, float(number), None if number else "champion", artifact=trained)
    return uri


def vary(folder: Path, number: int) -> Path:
    """A copy of the trained artifact, each weight of whose largest array is another number."""
    import onnx
    from onnx import numpy_helper

    metadata, tokenizer = artifact.read(TRAINED)
    model = onnx.load(TRAINED / artifact.GRAPH)
    weights = max(model.graph.initializer, key=lambda one: len(one.raw_data))
    values = numpy_helper.to_array(weights)
    weights.CopyFrom(
        numpy_helper.from_array((values * np.float32(1 + number * 1e-6)).astype(values.dtype), weights.name)
    )
    own = {name: metadata[name] for name in ("variant", "corpus_sha256", "weights_sha256")}
    decision = artifact.decision_in(metadata)
    changed = model.SerializeToString()
    artifact.write(folder, changed, Tokenizer.from_json(tokenizer), metadata["labels"], own, decision)
    return folder
