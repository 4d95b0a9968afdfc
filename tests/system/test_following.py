"""A running service takes up what is promoted, rolled back, registered, broken or away in the registry."""

import os
import shutil
import signal

import httpx
import pytest

from registry.route import Routing, set_routing
from registry.versions import Registry
from tests.server import Server
from tests.system.following import (
    Callers,
    default,
    family,
    follower_of,
    metric,
    running,
    said,
    served,
    wait_until,
)
from tests.toyregistry import MODEL_NAME, add_version, make_registry

pytestmark = pytest.mark.slow

INTERVAL = {"POLL_INTERVAL": "0.5"}
BIASES = {"1": -1.0, "2": -4.0, "3": 1.0}


@pytest.fixture
def uri(tmp_path, registry) -> str:
    """A registry of the test's own. Its two versions' artifacts are those of the session's."""
    shutil.copy(registry.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def models(uri) -> Registry:
    return Registry(MODEL_NAME, uri)


def point(models: Registry, alias: str, number: str) -> None:
    models.client.set_registered_model_alias(MODEL_NAME, alias, number)


def events(event: str, number: str) -> str:
    return f'spam_version_events_total{{event="{event}",model_version="{number}"}}'


def registry_of(server: Server) -> dict:
    return said(server, "/versions")["registry"]


def test_no_call_fails_while_versions_are_promoted_rolled_back_and_routed(tmp_path, uri, models):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server:
        with Callers(server) as callers:
            add_version(tmp_path, uri, BIASES["3"], "champion")
            wait_until(lambda: default(server) == "3")
            wait_until(lambda: served(server) == {"3", "2"})
            set_routing(models, Routing({"challenger": 50.0}, "challenger"))
            wait_until(lambda: said(server, "/versions")["routing"]["shares"] == {"challenger": 50.0})
            point(models, "champion", "2")
            wait_until(lambda: served(server) == {"2"})
            point(models, "champion", "1")
            wait_until(lambda: default(server) == "1")
            seen = len(callers.answers)
            wait_until(lambda: len(callers.answers) > seen + 20)
        assert callers.failures == [] and callers.wrong(BIASES) == []
        assert {answer["model_version"] for _, answer in callers.answers} == {"1", "2", "3"}
        assert [metric(server, events("load", n)) for n in "123"] == [2, 1, 1]
        assert [metric(server, events("unload", n)) for n in "123"] == [1, 0, 1]
        assert metric(server, "spam_versions_loaded") == 2


def test_a_broken_artifact_is_refused_and_its_alias_stays_where_it_was(tmp_path, uri, models):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server, server.client() as client:
        number = add_version(tmp_path, uri, BIASES["3"])
        artifact = models.folder(models.resolve(number)) / "model.onnx"
        artifact.write_bytes(b"damaged")
        point(models, "champion", number)
        (refused,) = wait_until(lambda: client.get("/versions").json()["refused"])
        assert (refused["model_version"], refused["aliases"]) == ("3", ["champion"]) and "damaged" in refused["why"]
        assert client.get("/prediction", params={"text": "free"}).json()["model_version"] == "1"
        assert client.get("/prediction", params={"text": "a", "model_version": "3"}).status_code == 503
        assert metric(server, events("refuse", "3")) == 1
        os.kill(server.workers()[0], signal.SIGKILL)
        assert wait_until(lambda: _answering(server)) == "1", "the next worker does not hold on to it"
        point(models, "champion", "2")
        wait_until(lambda: default(server) == "2")
        assert said(server, "/versions")["refused"] == []


def test_with_the_registry_away_what_is_loaded_goes_on_and_it_says_since_when(tmp_path, uri, models):
    file = tmp_path / "mlflow.db"
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server:
        file.rename(tmp_path / "away.db")
        why = wait_until(lambda: registry_of(server)["why_stale"])
        assert str(file) in why and registry_of(server)["read_at"]
        assert default(server) == "1" and metric(server, "spam_registry_up") == 0
        assert not file.exists(), "asking for it made a new one"
        (tmp_path / "away.db").rename(file)
        wait_until(lambda: not registry_of(server)["why_stale"])
        point(models, "champion", "2")
        wait_until(lambda: default(server) == "2")
        assert metric(server, "spam_registry_up") == 1


def test_a_registry_replaced_by_another_is_followed(tmp_path, uri):
    (tmp_path / "other").mkdir()
    make_registry(tmp_path / "other", champion=2.0)
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server:
        before = said(server, "/versions/champion")["digest"]
        (tmp_path / "other" / "mlflow.db").replace(tmp_path / "mlflow.db")
        wait_until(lambda: said(server, "/versions/champion")["digest"] != before)


def test_a_follower_that_dies_is_replaced(tmp_path, uri, models):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server:
        first = wait_until(lambda: follower_of(server))
        os.kill(first, signal.SIGKILL)
        point(models, "champion", "2")
        wait_until(lambda: default(server) == "2")
        assert follower_of(server) != first


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_no_process_is_left_behind(tmp_path, uri, end):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, TMPDIR=str(tmp_path), **INTERVAL) as server:
        follower = wait_until(lambda: follower_of(server))
        pids = {follower} if end == "SIGKILL" else family(server.process.pid)
        if end == "SIGKILL":
            server.kill()
        else:
            server.process.send_signal(getattr(signal, end))
        wait_until(lambda: not running(pids))
        wait_until(lambda: not list(tmp_path.glob("sms-spam-*")))


def test_a_worker_that_dies_finds_what_is_known_though_the_registry_is_away(tmp_path, uri):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server:
        (tmp_path / "mlflow.db").rename(tmp_path / "away.db")
        wait_until(lambda: registry_of(server)["why_stale"])
        os.kill(server.workers()[0], signal.SIGKILL)
        assert wait_until(lambda: _answering(server)) == "1"


def _answering(server: Server) -> str | None:
    """The version that answers a call, once there is a worker."""
    try:
        return said(server, "/prediction?text=free").get("model_version")
    except httpx.TransportError:
        return None


def test_a_service_that_starts_before_its_registry_takes_it_up(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, **INTERVAL) as server, server.client() as client:
        assert client.get("/readyz").status_code == 503
        make_registry(tmp_path)
        wait_until(lambda: default(server) == "1")
        assert client.get("/readyz").status_code == 200


def test_latest_serves_the_newest_besides_those_with_an_alias(tmp_path, uri):
    with Server(tmp_path, MLFLOW_TRACKING_URI=uri, SERVED_VERSIONS="latest:1", **INTERVAL) as server:
        assert served(server) == {"1", "2"}
        add_version(tmp_path, uri, 1.0)
        wait_until(lambda: served(server) == {"1", "2", "3"})
        add_version(tmp_path, uri, 2.0)
        wait_until(lambda: served(server) == {"1", "2", "4"})


def test_two_services_follow_one_registry(tmp_path, uri, models):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    settings = {"MLFLOW_TRACKING_URI": uri, **INTERVAL}
    with Server(tmp_path / "a", **settings) as one, Server(tmp_path / "b", **settings) as other:
        point(models, "champion", "2")
        for server in (one, other):
            wait_until(lambda server=server: default(server) == "2")
