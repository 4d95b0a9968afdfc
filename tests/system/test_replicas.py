"""Three services behind nginx on a ring of three Cassandra nodes: one log, one cache and one routing.

A service and a node are killed under load, and come back.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bentos.settings import Settings
from bentos.store.cassandra.schema import migrate
from registry.route import Routing, set_routing
from tests.cassandra.client import session_of, settings_for
from tests.nginx import Nginx, need_nginx
from tests.server import Server
from tests.system.tools import Callers, get_json, in_one_hour, metric, new_address, wait_until

CALLERS = 8
PAUSE = 0.1  # seconds between a caller's calls: the site takes 50 a second from one address
CANARY = Routing({"challenger": 50})
BIASES = {"1": -1.0, "2": -4.0}  # of the champion and the challenger
TRIED = re.compile(r" ((?:\S+, )*\S+) (?:\S+, )*\S+ (127\.1\.\S+)$", re.M)  # in nginx's log: services, request


@pytest.fixture
def settings(cassandra_ring, keyspace, tmp_path) -> Settings:
    settings = settings_for(cassandra_ring, keyspace, tmp_path)
    migrate(settings)
    return settings


class Replicas:
    """Three services, each with a spool and copies of its own, and nginx before them."""

    def __init__(self, folder: Path, uri: str, settings: Settings) -> None:
        self.folder = folder
        self.settings = {
            "MLFLOW_TRACKING_URI": uri,
            "TRUSTED_PROXIES": "127.0.0.1",
            "CASSANDRA_CONTACT_POINTS": settings.cassandra_contact_points,
            "CASSANDRA_PORT": str(settings.cassandra_port),
            "CASSANDRA_KEYSPACE": settings.cassandra_keyspace,
            "CACHE_TIMEOUT": "10",  # no call goes around the database, however busy the machine
        }

    def __enter__(self) -> "Replicas":
        with ExitStack() as running:
            self.services = [self._launch(name) for name in "abc"]  # they start side by side
            for service in self.services:
                running.enter_context(service)
            self.nginx = running.enter_context(Nginx(self.folder, *(service.port for service in self.services)))
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _launch(self, name: str, port: int | None = None) -> Server:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return Server(folder, port=port, SPOOL_PATH=str(folder / "spool.db"), **self.settings)

    def start_first_again(self) -> Server:
        """Start the first service, which was killed, at its port and with the spool that it left."""
        service = self._launch("a", self.services[0].port)
        self.services[0] = self._running.enter_context(service)
        return service

    def tried(self) -> dict[str, list[str]]:
        """The services that nginx asked so far, the last one last, for each request of `Callers`."""
        return {request: services.split(", ") for services, request in TRIED.findall(self.nginx.log.read_text())}


@pytest.fixture
def replicas(settings, models, uri, tmp_path) -> Iterator[Replicas]:
    need_nginx()
    set_routing(models, CANARY)
    with Replicas(tmp_path, uri, settings) as replicas:
        yield replicas


def test_replicas_are_one_service_and_stand_the_loss_of_a_service_and_a_node(replicas, settings, cassandra_ring):
    check_one_cache_and_one_log(replicas.services)
    check_one_version_a_caller(replicas.services)
    first = replicas.services[0]
    dead = first.url.removeprefix("http://")
    try:
        with Callers(replicas.nginx, CALLERS, PAUSE) as callers:
            callers.wait_for(100)
            cassandra_ring.kill(2)
            callers.wait_for(100)
            first.kill()
            begun = set(callers.sent)
            callers.wait_for(200)
            tried = {request: asked for request, asked in replicas.tried().items() if request in begun}
            cassandra_ring.launch(2)
            again = replicas.start_first_again()
            cassandra_ring.wait(2)
            wait_until(lambda: metric(again, 'spam_routed_calls_total{alias="champion"}'))
            callers.wait_for(100)
    finally:
        if not cassandra_ring.running(2):
            cassandra_ring.start(2)
    wait_until(lambda: all(caught_up(service) for service in replicas.services))
    check_answers_and_log(callers, settings, dead, tried)


@in_one_hour
def check_one_cache_and_one_log(services: list[Server]) -> None:
    address = new_address()
    answers = [ask(service, address, f"a prize for {address}") for service in services]
    assert [answer["from_cache"] for answer in answers] == [False, True, True]
    for service in services:
        assert [row["id"] for row in service.get("/recent_log", address).json()] == [a["id"] for a in answers]


def check_one_version_a_caller(services: list[Server]) -> None:
    """It follows from the caller and the registry's routing alone."""
    seen = set()
    for address in (new_address() for _ in range(12)):
        expected = "2" if CANARY.alias(address) == "challenger" else "1"
        assert [ask(service, address, "free")["model_version"] for service in services] == [expected] * 3
        seen.add(expected)
    assert seen == {"1", "2"}


def check_answers_and_log(callers: Callers, settings: Settings, dead: str, tried: dict[str, list[str]]) -> None:
    """`tried` are the services that nginx asked for each request begun before `dead` was killed, the last one last.

    A call that was in flight on `dead` has failed, or another service was asked as well and has logged it, too.
    """
    assert any(dead in services for services in tried.values()), "it had its share before"
    failed = {failure.partition(" ")[0] for failure in callers.failures}
    assert failed <= {request for request, services in tried.items() if services[-1] == dead}
    asked_again = {request for request, services in tried.items() if dead in services[:-1]}
    rows = logged(settings)
    for text, answer in callers.answers:
        caller, number = text.split()[-2:]
        assert answer["model_version"] == ("2" if CANARY.alias(caller) == "challenger" else "1")
        ids = rows[text]
        assert ids.count(answer["id"]) == 1
        assert len(ids) == 1 or f"{caller}-{number}" in asked_again, "a second row is of the call that had no answer"
    assert callers.wrong(BIASES) == []


def logged(settings: Settings) -> dict[str, list[str]]:
    """The ids of the log's rows for each text."""
    rows: dict[str, list[str]] = {}
    with session_of(settings) as session:
        for text, called_at in session.execute("SELECT input, called_at FROM spam_calls_per_caller"):
            rows.setdefault(text, []).append(str(called_at))
    return rows


def ask(service: Server, address: str, text: str) -> dict:
    return service.get("/prediction", address, params={"text": text}).raise_for_status().json()


def caught_up(service: Server) -> bool:
    """Whether no row of the log waits in the service's spool."""
    store = get_json(service, "/")["store"]
    return store["up"] and store["spooled"] == 0
