"""A service in this process: the real application, store and toy versions, without BentoML's processes."""

import httpx
import pytest

from bentos.answering.predictor import Predictor
from bentos.answering.shadow import Shadow
from bentos.http.app import create_app
from bentos.http.state import State
from bentos.monitoring.metrics import Metrics
from bentos.store.sqlite.store import SQLiteStore
from bentos.versions.loaded import Loaded, Served
from registry.model.artifact import Artifact
from tests.toy import write_toy


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Counted:
    """A model that remembers the texts that it was run on."""

    def __init__(self, model):
        self.model = model
        self.labels = model.labels
        self.runs = []

    def predict(self, texts):
        self.runs.append(list(texts))
        return self.model.predict(texts)


def load_toy(folder, number, bias, *aliases) -> Loaded:
    digest = write_toy(folder / f"v{number}", bias)
    return Loaded(str(number), f"{number}-{digest[:8]}", aliases, Counted(Artifact.load(folder / f"v{number}")))


@pytest.fixture
def served(tmp_path) -> Served:
    return Served((load_toy(tmp_path, 2, -4.0, "challenger"), load_toy(tmp_path, 1, -1.0, "champion")))


@pytest.fixture
async def store(tmp_path, anyio_backend):
    store = await SQLiteStore.open(tmp_path / "spam.db")
    yield store
    await store.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def predictor(store, metrics) -> Predictor:
    return Predictor(store, metrics)


@pytest.fixture
def state(served, store, metrics, predictor) -> State:
    return State("test", "sms-spam", served, store, metrics, predictor, Shadow(metrics))


@pytest.fixture
def app(state):
    return create_app(state)


def client_of(app, address="10.0.0.1"):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client
