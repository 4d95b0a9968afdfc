"""The running service on a real Cassandra node: shared by services, gone, hung, killed, and back."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from bentos.store.cassandra.schema import migrate
from tests.cassandra.client import session_of, settings_for
from tests.server import PATIENCE, Server
from tests.system.tools import get_json, in_one_hour, new_address, wait_until

CLIENTS = 16
PAUSE = 0.02  # seconds between a client's calls: a node that starts on two cores needs some of them


@pytest.fixture
def settings(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path)
    migrate(settings)
    return settings


def service(settings, folder, **others):
    folder.mkdir(exist_ok=True)
    return Server(
        folder,
        MOCK_MODEL="1",
        CASSANDRA_CONTACT_POINTS=settings.cassandra_contact_points,
        CASSANDRA_PORT=str(settings.cassandra_port),
        CASSANDRA_KEYSPACE=settings.cassandra_keyspace,
        SPOOL_PATH=str(folder / "spool.db"),
        **others,
    )


def store_of(server):
    return get_json(server, "/")["store"]


def wait_until_caught_up(server):
    wait_until(lambda: (state := store_of(server))["up"] and state["spooled"] == 0)


def logged(settings):
    """The inputs in the table, of every caller and hour, in order; one that was logged twice stands there twice."""
    with session_of(settings) as session:
        rows = list(session.execute("SELECT input FROM spam_calls_per_caller"))
    return sorted(text for (text,) in rows)


class Load:
    """Clients that send new texts one after the other for as long as a `with` lasts, and what became of each text."""

    def __init__(self, server):
        self.server = server
        self.answered, self.failed = [], []
        self._over = Event()

    def __enter__(self):
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._clients = [self._pool.submit(self._send, number) for number in range(CLIENTS)]
        return self

    def __exit__(self, *_):
        self._over.set()
        for client in self._clients:
            client.result()
        self._pool.shutdown()

    def _send(self, number):
        with self.server.client() as client:
            n = 0
            while not self._over.wait(PAUSE):
                n += 1
                text = f"free lunch {number} {n}"
                try:
                    response = client.post("/prediction", json={"text": text})
                except httpx.TransportError:
                    return  # the service was killed; what it did not answer was not promised
                (self.answered if response.status_code == 200 else self.failed).append(text)

    def wait_for(self, count):
        """Wait until so many more calls are answered."""
        target = len(self.answered) + count
        wait_until(lambda: len(self.answered) >= target)


@in_one_hour
def test_two_services_share_predictions_and_a_caller_s_log(settings, tmp_path):
    patient = {"CACHE_TIMEOUT": "10"}  # so that no call goes around the database, however busy the machine
    address = new_address()
    with (
        service(settings, tmp_path / "a", **patient) as one,
        service(settings, tmp_path / "b", **patient) as other,
        one.client(address) as to_one,
        other.client(address) as to_other,
    ):
        assert store_of(one) == {"name": "cassandra", "up": True, "spooled": 0, "error": None}
        text = {"text": f"a free prize 🎁 {address} " * 100}
        first, second = to_one.post("/prediction", json=text), to_other.post("/prediction", json=text)
        ids = [answer.json()["id"] for answer in (first, second)]
        expected = first.content.replace(b'"from_cache":false', b'"from_cache":true')
        assert second.content == expected.replace(*(id.encode() for id in ids))
        rows = to_other.get("/recent_log").json()
        assert [(row["index"], row["id"], row["from_cache"]) for row in rows] == [(0, ids[0], False), (1, ids[1], True)]
        assert 'spam_store_up{store="cassandra"} 1.0' in one.get("/metrics").text


def test_a_database_that_refuses_ends_the_start_unless_it_is_to_start_anyway(settings, tmp_path):
    wrong = settings.model_copy(update={"cassandra_keyspace": "missing"})
    refused = service(wrong, tmp_path / "a")
    assert refused.process.wait(PATIENCE) != 0
    (line,) = refused.log.read_text().splitlines()
    assert line.startswith("error: Cassandra") and line.endswith("run `python -m bentos migrate`")
    with service(wrong, tmp_path / "b", START_ANYWAY="1") as server:
        assert "migrate" in store_of(server)["error"]
        assert server.get("/prediction?text=free").status_code == 200


def test_no_answered_call_is_lost_when_the_database_hangs_or_dies_under_load(settings, cassandra_node, tmp_path):
    with service(settings, tmp_path / "a") as server:
        with Load(server) as load:
            load.wait_for(300)
            cassandra_node.pause()
            load.wait_for(200)
            cassandra_node.resume()
            load.wait_for(200)
            cassandra_node.kill()
            load.wait_for(300)
            cassandra_node.start()
            load.wait_for(200)
        wait_until_caught_up(server)
        assert load.failed == []
        assert logged(settings) == sorted(load.answered)  # each of them, and each of them once


@in_one_hour
def test_a_service_killed_with_rows_in_its_spool_starts_without_its_database_and_catches_up(
    settings, cassandra_node, tmp_path
):
    folder, texts, address = tmp_path / "a", [f"win {i}" for i in range(50)], new_address()
    try:
        with service(settings, folder) as server, Load(server) as load:
            load.wait_for(100)
            cassandra_node.kill()
            load.wait_for(300)
            server.kill()
        assert load.failed == []
        with service(settings, folder, CASSANDRA_START_TIMEOUT="0") as server, server.client(address) as client:
            assert client.get("/readyz").status_code == 200
            answers = client.post("/predictions", json={"texts": texts})
            assert answers.status_code == 200 and not any(answer["from_cache"] for answer in answers.json())
            state = store_of(server)
            assert not state["up"] and state["error"]
            assert client.get("/recent_log").status_code == 503
            cassandra_node.start()
            wait_until_caught_up(server)
            assert [row["input"] for row in client.get("/recent_log").json()] == texts
    finally:
        if not cassandra_node.running(1):
            cassandra_node.start()
    assert set(load.answered) <= set(logged(settings))  # a call in the log may have been killed before its answer


@in_one_hour
def test_a_log_that_cannot_be_read_to_its_end_does_not_look_whole(settings, cassandra_node, tmp_path):
    with service(settings, tmp_path / "a") as server, server.client(new_address()) as client:
        for start in range(0, 3_000, 100):
            texts = [f"{i} {'free ' * 1_900}" for i in range(start, start + 100)]
            assert client.post("/predictions", json={"texts": texts, "skip_cache": True}).status_code == 200
        wait_until_caught_up(server)  # rows that a slow database did not take in time wait in the spool
        try:
            with pytest.raises(httpx.RemoteProtocolError), client.stream("GET", "/recent_log") as response:
                for n, _ in enumerate(response.iter_raw()):
                    if n == 0:
                        cassandra_node.kill()
        finally:
            cassandra_node.start()
