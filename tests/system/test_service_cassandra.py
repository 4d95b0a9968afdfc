"""The running service on a real Cassandra node: shared by services, gone, hung, killed, and back."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from bentos.store.cassandra.schema import migrate
from tests.cassandra.client import session_of, settings_for
from tests.clock import within_the_hour
from tests.server import Server

pytestmark = pytest.mark.slow

CLIENTS = 16


@pytest.fixture
def settings(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path)
    migrate(settings)
    return settings


def service(settings, registry, folder, **others):
    folder.mkdir(exist_ok=True)
    return Server(
        folder,
        MLFLOW_TRACKING_URI=registry,
        CASSANDRA_CONTACT_POINTS=settings.cassandra_contact_points,
        CASSANDRA_PORT=str(settings.cassandra_port),
        CASSANDRA_KEYSPACE=settings.cassandra_keyspace,
        SPOOL_PATH=str(folder / "spool.db"),
        **others,
    )


def store_of(server):
    return httpx.get(server.url, timeout=30).json()["store"]


def until_caught_up(server, seconds=60):
    deadline = time.monotonic() + seconds
    while not ((state := store_of(server))["up"] and state["spooled"] == 0):
        assert time.monotonic() < deadline, state
        time.sleep(0.1)


def logged(settings):
    """The inputs in the table, of every caller and hour, in order; one that was logged twice stands there twice."""
    with session_of(settings) as session:
        rows = list(session.execute("SELECT input FROM spam_calls_per_caller"))
    return sorted(text for (text,) in rows)


class Load:
    """Clients that send new texts one after the other until told to stop, and what they were answered."""

    def __init__(self, server, clients=CLIENTS):
        self.url = f"{server.url}/prediction"
        self.clients = clients
        self.answered, self.failed = [], []
        self.stopping = Event()

    def __enter__(self):
        self.pool = ThreadPoolExecutor(self.clients)
        self.running = [self.pool.submit(self._send, client) for client in range(self.clients)]
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for client in self.running:
            client.result()
        self.pool.shutdown()

    def _send(self, client):
        with httpx.Client(timeout=30) as http:
            n = 0
            while not self.stopping.is_set():
                n += 1
                text = f"free lunch {client} {n}"
                try:
                    response = http.post(self.url, json={"text": text})
                except httpx.TransportError:
                    return  # the service was killed; what it did not answer was not promised
                (self.answered if response.status_code == 200 else self.failed).append(text)

    def more(self, count, seconds=60):
        target, deadline = len(self.answered) + count, time.monotonic() + seconds
        while len(self.answered) < target:
            assert time.monotonic() < deadline, f"{len(self.answered)} answered, {target} wanted"
            time.sleep(0.02)


def test_two_services_share_predictions_and_a_caller_s_log(settings, registry, tmp_path):
    patient = {"CACHE_TIMEOUT": "10"}  # so that nothing goes around the database, however busy the machine
    with (
        service(settings, registry, tmp_path / "a", **patient) as one,
        service(settings, registry, tmp_path / "b", **patient) as other,
    ):
        assert store_of(one) == {"name": "cassandra", "up": True, "spooled": 0, "error": None}
        within_the_hour()
        text = {"text": "a free prize 🎁 " * 200}
        first = httpx.post(f"{one.url}/prediction", json=text, timeout=30)
        second = httpx.post(f"{other.url}/prediction", json=text, timeout=30)
        ids = [answer.json()["id"] for answer in (first, second)]
        expected = first.content.replace(b'"from_cache":false', b'"from_cache":true')
        assert second.content == expected.replace(*(id.encode() for id in ids))
        rows = httpx.get(f"{other.url}/recent_log", timeout=30).json()
        assert [(row["index"], row["id"], row["from_cache"]) for row in rows] == [(0, ids[0], False), (1, ids[1], True)]
        assert 'spam_store_up{store="cassandra"} 1.0' in httpx.get(f"{one.url}/metrics", timeout=30).text


def test_a_service_starts_without_its_database_and_catches_up(settings, registry, cassandra_node, tmp_path):
    cassandra_node.kill()
    try:
        with service(settings, registry, tmp_path / "a") as server:
            assert httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200
            within_the_hour()
            texts = [f"win {i}" for i in range(50)]
            answers = httpx.post(f"{server.url}/predictions", json={"texts": texts}, timeout=30)
            assert answers.status_code == 200 and not any(answer["from_cache"] for answer in answers.json())
            state = store_of(server)
            assert not state["up"] and state["error"]
            assert httpx.get(f"{server.url}/recent_log", timeout=30).status_code == 503
            cassandra_node.start()
            until_caught_up(server)
            rows = httpx.get(f"{server.url}/recent_log", timeout=30).json()
            assert [row["input"] for row in rows] == texts
    finally:
        if not cassandra_node.running(1):
            cassandra_node.start()


def test_no_answered_call_is_lost_when_the_database_hangs_or_dies_under_load(
    settings, registry, cassandra_node, tmp_path
):
    with service(settings, registry, tmp_path / "a") as server:
        with Load(server) as load:
            load.more(500)
            cassandra_node.pause()
            load.more(300)
            cassandra_node.resume()
            load.more(300)
            cassandra_node.kill()
            load.more(500)
            cassandra_node.start()
            load.more(300)
        until_caught_up(server)
        print(f"\n{len(load.answered)} answered, {len(load.failed)} refused")
        assert load.failed == []
        assert logged(settings) == sorted(load.answered)  # each of them, and each of them once


def test_no_answered_call_is_lost_when_the_service_is_killed_with_rows_in_its_spool(
    settings, registry, cassandra_node, tmp_path
):
    folder = tmp_path / "a"
    with service(settings, registry, folder) as server:
        cassandra_node.kill()
        try:
            with Load(server) as load:
                load.more(300)
                server.kill()
        finally:
            cassandra_node.start()
    assert load.failed == []
    with service(settings, registry, folder) as server:
        until_caught_up(server)
    assert set(load.answered) <= set(logged(settings))  # a call in the log may have been killed before its answer


def test_a_log_that_cannot_be_read_to_its_end_does_not_look_whole(settings, registry, cassandra_node, tmp_path):
    with service(settings, registry, tmp_path / "a") as server:
        within_the_hour()
        for start in range(0, 3_000, 500):
            texts = [f"{i} {'free ' * 1_900}" for i in range(start, start + 500)]
            assert httpx.post(f"{server.url}/predictions", json={"texts": texts}, timeout=60).status_code == 200
        until_caught_up(server)  # rows that a slow database did not take in time wait in the spool
        try:
            with (
                pytest.raises(httpx.RemoteProtocolError),
                httpx.stream("GET", f"{server.url}/recent_log", timeout=60) as response,
            ):
                for n, _ in enumerate(response.iter_raw()):
                    if n == 0:
                        cassandra_node.kill()
        finally:
            cassandra_node.start()
