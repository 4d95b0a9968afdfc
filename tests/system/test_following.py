"""A running service takes up what is promoted, rolled back, registered, broken or away in the registry."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from registry.promote import promote
from registry.quality.published import TAG, LiveQuality
from registry.route import Routing, set_routing
from registry.versions import ADMITTED, Registry
from tests.registry.conftest import THRESHOLDS
from tests.server import Server
from tests.system.tools import (
    Callers,
    default_version,
    follower_of,
    get_json,
    metric,
    process_tree,
    running,
    served_versions,
    wait_until,
)
from tests.toyregistry import MODEL_NAME, add_version, make_registry

AT = datetime(2030, 1, 31, tzinfo=UTC)
BIASES = {"1": -1.0, "2": -4.0, "3": 1.0}


@contextmanager
def following(folder: Path, uri: str, end: signal.Signals = signal.SIGTERM, **settings: str) -> Iterator[Server]:
    """A service that follows the registry at `uri`. After it has ended, by the signal `end`, nothing of it is left."""
    folder.mkdir(exist_ok=True)
    settings = {"MLFLOW_TRACKING_URI": uri, "POLL_INTERVAL": "0.1", "TMPDIR": str(folder)} | settings
    with Server(folder, **settings) as server:
        yield server
        pids = process_tree(server.process.pid)
        if end == signal.SIGKILL:
            pids = {wait_until(lambda: follower_of(server))}
            server.kill()
        else:
            server.process.send_signal(end)
        wait_until(lambda: not running(pids))
        wait_until(lambda: not list(folder.glob("sms-spam-*")))


def point(models: Registry, alias: str, number: str) -> None:
    """Move an alias, as a promotion does."""
    models.client.set_model_version_tag(MODEL_NAME, number, ADMITTED, "{}")
    models.client.set_registered_model_alias(MODEL_NAME, alias, number)


def damage(models: Registry, number: str) -> None:
    (models.folder(models.resolve(number)) / "model.onnx").write_bytes(b"damaged")


def events(event: str, number: str) -> str:
    return f'spam_version_events_total{{event="{event}",model_version="{number}"}}'


def registry_of(server: Server) -> dict:
    return get_json(server, "/versions")["registry"]


def test_no_call_fails_while_versions_are_promoted_rolled_back_and_routed(tmp_path, uri, models):
    with following(tmp_path, uri) as server:
        with Callers(server) as callers:
            add_version(tmp_path, uri, BIASES["3"], "champion")
            wait_until(lambda: default_version(server) == "3")
            wait_until(lambda: served_versions(server) == {"3", "2"})
            quality = LiveQuality(measured_at=AT, hours=1, versions={models.resolve("3").key: {"caught": {"low": 0.8}}})
            models.tag_model(TAG, quality.to_tag())
            shown = 'spam_live_quality{bound="low",measure="caught",version="3"}'
            wait_until(lambda: metric(server, shown) == 0.8)
            assert metric(server, "spam_live_quality_measured_at") == AT.timestamp()
            set_routing(models, Routing({"challenger": 50.0}, "challenger"))
            wait_until(lambda: get_json(server, "/versions")["routing"]["shares"] == {"challenger": 50.0})
            point(models, "champion", "2")
            wait_until(lambda: served_versions(server) == {"2"})
            point(models, "champion", "1")
            wait_until(lambda: default_version(server) == "1")
            wait_until(lambda: metric(server, shown) == 0)  # version 3 is served no longer
            callers.wait_for(20)
        assert callers.failures == [] and callers.wrong(BIASES) == []
        assert {answer["model_version"] for _, answer in callers.answers} == {"1", "2", "3"}
        assert [metric(server, events("load", n)) for n in "123"] == [2, 1, 1]
        assert [metric(server, events("unload", n)) for n in "123"] == [1, 0, 1]
        assert metric(server, "spam_versions_loaded") == 2


def test_a_broken_artifact_is_refused_and_its_alias_stays_where_it_was(tmp_path):
    uri = make_registry(tmp_path)
    models = Registry(MODEL_NAME, uri)
    damage(models, "2")
    with following(tmp_path, uri) as server, server.client() as client:
        (refused,) = client.get("/versions").json()["refused"]
        assert refused["model_version"] == "2" and "damaged" in refused["why"]
        response = client.get("/prediction", params={"text": "free", "model_version": "challenger"})
        assert response.status_code == 503 and "damaged" in response.json()["detail"]

        number = add_version(tmp_path, uri, BIASES["3"])
        damage(models, number)
        point(models, "champion", number)
        refused = wait_until(lambda: _refused(server, number))
        assert refused["aliases"] == ["champion"] and "damaged" in refused["why"]
        assert client.get("/prediction", params={"text": "free"}).json()["model_version"] == "1"
        assert client.get("/prediction", params={"text": "a", "model_version": "3"}).status_code == 503
        assert metric(server, events("refuse", "3")) == 1

        _kill_the_worker_with_the_registry_away(server, tmp_path)
        assert wait_until(lambda: _answering(server)) == "1", "the new worker does not serve what the old one did"
        add_version(tmp_path, uri, -2.0, "challenger")
        point(models, "champion", "4")
        wait_until(lambda: default_version(server) == "4")
        assert get_json(server, "/versions")["refused"] == []

        number = add_version(tmp_path, uri, -3.0)
        models.client.set_registered_model_alias(MODEL_NAME, "champion", number)  # as one click in MLflow's UI does
        wait_until(lambda: "without a verdict of the gate" in str(get_json(server, "/versions/4")["source_problem"]))
        assert default_version(server) == "4" and metric(server, 'spam_version_source_problem{model_version="4"}') == 1
        promote(models, number, THRESHOLDS)
        wait_until(lambda: default_version(server) == number)


def _refused(server: Server, number: str) -> dict | None:
    refused = get_json(server, "/versions")["refused"]
    return next((row for row in refused if row["model_version"] == number), None)


def _kill_the_worker_with_the_registry_away(server: Server, folder: Path) -> None:
    """Return once another worker answers, and bring the registry back."""
    (folder / "mlflow.db").rename(folder / "away.db")
    wait_until(lambda: registry_of(server)["why_stale"])
    os.kill(server.workers()[0], signal.SIGKILL)
    wait_until(lambda: _answering(server))
    assert registry_of(server)["why_stale"]
    (folder / "away.db").rename(folder / "mlflow.db")


def _answering(server: Server) -> str | None:
    """The version that answers a call, once there is a worker."""
    try:
        return get_json(server, "/prediction?text=free").get("model_version")
    except httpx.TransportError:
        return None


def test_a_registry_that_is_away_changes_nothing_and_one_that_is_replaced_is_followed(tmp_path, uri, models):
    file = tmp_path / "mlflow.db"
    (tmp_path / "other").mkdir()
    make_registry(tmp_path / "other", champion=2.0)
    with following(tmp_path, uri, end=signal.SIGKILL) as server:
        file.rename(tmp_path / "away.db")
        why = wait_until(lambda: registry_of(server)["why_stale"])
        assert file.name in why and str(tmp_path) not in why and str(file) in server.log.read_text()
        assert registry_of(server)["read_at"]
        assert default_version(server) == "1" and metric(server, "spam_registry_up") == 0
        assert not file.exists(), "asking for it made a new one"
        (tmp_path / "away.db").rename(file)
        wait_until(lambda: not registry_of(server)["why_stale"])
        point(models, "champion", "2")
        wait_until(lambda: default_version(server) == "2")
        assert metric(server, "spam_registry_up") == 1

        before = get_json(server, "/versions/champion")["digest"]
        (tmp_path / "other" / "mlflow.db").replace(file)
        wait_until(lambda: get_json(server, "/versions/champion")["digest"] != before)


def test_two_services_follow_one_registry_and_a_follower_that_dies_is_replaced(tmp_path, uri, models):
    with (
        following(tmp_path / "a", uri, end=signal.SIGINT) as one,
        following(tmp_path / "b", uri) as other,
    ):
        first = wait_until(lambda: follower_of(one))
        os.kill(first, signal.SIGKILL)
        point(models, "champion", "2")
        for server in (other, one):
            wait_until(lambda server=server: default_version(server) == "2")
        assert follower_of(one) != first


def test_the_last_good_version_survives_its_files_its_worker_the_registry_and_its_entry_there(tmp_path):
    uri = make_registry(tmp_path)
    models = Registry(MODEL_NAME, uri)
    source = models.folder(models.resolve("1"))
    with following(tmp_path, uri) as server:
        shutil.rmtree(source)
        assert source.name in wait_until(lambda: get_json(server, "/versions/champion")["source_problem"])
        assert metric(server, 'spam_version_source_problem{model_version="1"}') == 1
        assert get_json(server, "/versions/2")["source_problem"] is None
        (first,) = server.workers()
        os.kill(first, signal.SIGKILL)
        assert wait_until(lambda: _answering(server)) == "1" and server.workers() != [first]
        assert get_json(server, "/prediction?text=new+text")["model_version"] == "1"
        assert server.log.read_text().count("version 1 goes on being served") == 2, "a line of each worker"

    (tmp_path / "mlflow.db").rename(tmp_path / "away.db")
    with following(tmp_path, uri) as server:
        assert wait_until(lambda: default_version(server)) == "1" and served_versions(server) == {"1", "2"}
        assert "make up" in registry_of(server)["why_stale"] and registry_of(server)["read_at"]
        assert get_json(server, "/prediction?text=another")["model_version"] == "1"
        (tmp_path / "away.db").rename(tmp_path / "mlflow.db")
        wait_until(lambda: not registry_of(server)["why_stale"])

        models.client.delete_model_version(MODEL_NAME, "1")
        wait_until(lambda: "names no champion" in get_json(server, "/versions/1")["source_problem"])
        assert default_version(server) == "1" and server.get("/readyz").is_success
        point(models, "champion", "2")
        wait_until(lambda: served_versions(server) == {"2"})
        assert metric(server, 'spam_version_source_problem{model_version="1"}') == 0


def test_a_service_that_starts_before_its_registry_says_what_to_do_and_takes_it_up(tmp_path):
    missing = tmp_path / "mlflow.db"
    uri = f"sqlite:///{missing}"
    with following(tmp_path, uri) as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        for path in ("/readyz", "/prediction?text=free"):
            response = client.get(path)
            assert response.status_code == 503 and "make up" in response.json()["detail"]
        assert not missing.exists()

        number = add_version(tmp_path, uri, BIASES["1"])  # without an alias
        wait_until(lambda: "python -m registry promote" in get_json(server, "/readyz")["detail"])
        for path in ("/readyz", "/prediction?text=free", f"/prediction?text=free&model_version={number}"):
            response = client.get(path)
            assert response.status_code == 503 and "python -m registry promote" in response.json()["detail"]

        point(Registry(MODEL_NAME, uri), "champion", number)
        wait_until(lambda: default_version(server) == "1")
        assert client.get("/readyz").status_code == 200


def test_latest_serves_the_newest_besides_those_with_an_alias(tmp_path, uri):
    with following(tmp_path, uri, SERVED_VERSIONS="latest:1") as server:
        assert served_versions(server) == {"1", "2"}
        add_version(tmp_path, uri, 1.0)
        wait_until(lambda: served_versions(server) == {"1", "2", "3"})
        add_version(tmp_path, uri, 2.0)
        wait_until(lambda: served_versions(server) == {"1", "2", "4"})
