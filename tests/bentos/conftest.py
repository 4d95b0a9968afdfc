"""A service in this process: the real application, store and toy versions, without BentoML's processes."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from bentos.answering.feedback import FeedbackRecorder
from bentos.answering.log_health import LogHealth
from bentos.answering.memory_cache import MemoryCache
from bentos.answering.model_pool import ModelPool
from bentos.answering.own_labels import OwnLabels
from bentos.answering.predictor import Predictor
from bentos.answering.review import ReviewQueue
from bentos.answering.sampling import ReviewSampler
from bentos.answering.shadow import Shadow
from bentos.http.app import create_app
from bentos.http.context import Service
from bentos.monitoring.metrics import Metrics
from bentos.store.sqlite.store import SQLiteStore
from bentos.versions.loaded import CurrentVersions, LoadedVersion, ServedVersions
from registry.model.artifact import Artifact
from registry.versions import Version
from tests.toy import write_toy


@pytest.fixture
def anyio_backend():
    return "asyncio"


class RecordingModel:
    """A model that remembers the texts that it was run on."""

    def __init__(self, model):
        self.model = model
        self.labels = model.labels
        self.decision = model.decision
        self.runs = []

    def classify(self, texts):
        self.runs.append(list(texts))
        return self.model.classify(texts)

    def classify_each(self, texts):
        self.runs.append(list(texts))
        return self.model.classify_each(texts)

    def unknown_share(self, text):
        return self.model.unknown_share(text)


def load_toy(folder, number, bias, *aliases) -> LoadedVersion:
    digest = write_toy(folder / f"v{number}", bias)
    version = Version(str(number), aliases, digest, "toy", datetime(2030, 1, 1, tzinfo=UTC), {"mcc": 0.9})
    return LoadedVersion(version, RecordingModel(Artifact.load(folder / f"v{number}")))


@pytest.fixture
def served(tmp_path) -> ServedVersions:
    return ServedVersions((load_toy(tmp_path, 2, -4.0, "challenger"), load_toy(tmp_path, 1, -1.0, "champion")))


@pytest.fixture
async def store(tmp_path, anyio_backend, half_past):
    """A store; what is logged in it, and read from it, is of one hour."""
    store = await SQLiteStore.open(tmp_path / "spam.db")
    yield store
    await store.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def pool():
    pool = ModelPool(timeout=60)
    yield pool
    pool.close()


@pytest.fixture
def log_health(store) -> LogHealth:
    return LogHealth(store)


@pytest.fixture
def sampler(store, metrics) -> ReviewSampler:
    return ReviewSampler(store, metrics, share=0.0, per_hour=60)


@pytest.fixture
def memory() -> MemoryCache:
    """Keeps nothing: the cache is the store's."""
    return MemoryCache(0)


@pytest.fixture
def predictor(store, metrics, pool, log_health, sampler, memory) -> Predictor:
    return Predictor(store, metrics, pool, log_health, OwnLabels(store), memory, sampler.consider)


@pytest.fixture
def service(served, store, metrics, predictor, pool, log_health, sampler) -> Service:
    current = CurrentVersions(served)
    recorder = FeedbackRecorder(store, metrics, predictor.own_labels)
    review = ReviewQueue(store, predictor.own_labels)
    shadow = Shadow(store, metrics, pool, sampler)
    return Service("test", "sms-spam", current, store, metrics, predictor, pool, log_health, shadow, recorder, review)


@pytest.fixture
def app(service):
    return create_app(service)


class Transport(httpx.ASGITransport):
    """Gives an answer a turn of the event loop later, as a network does: what it tells the metrics and the log then."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        await asyncio.sleep(0)
        return response


def client_of(app, address="10.0.0.1"):
    transport = Transport(app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client
