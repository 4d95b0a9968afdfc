"""Rollouts of a good version and of three bad ones, on a service that many callers call."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.__main__ import main
from registry.events import history
from registry.rollout.control import STEP, STOP
from registry.route import Routing, read_routing
from registry.versions import Registry
from tests.registry.conftest import THRESHOLDS, aliases
from tests.server import ROOT, Server
from tests.system.tools import Callers, default_version, served_versions, wait_until
from tests.toy import write_toy
from tests.toyregistry import MODEL_NAME, add_version

BAD = {"broken": {"broken": True}, "slow": {"busy": 1_500}, "spammer": {"bias": 30.0}}
QUICK = ("--steps", "40,70,100", "--hold", "2s", "--wait", "30s", "--calls", "50", "--no-quality", "--json")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Registry:
    """A champion, a good version that is a little different, and the bad ones, each with its name for an alias."""
    folder = tmp_path_factory.mktemp("rollouts")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    add_version(folder, uri, -1.0, "champion")
    add_version(folder, uri, -1.5, "good")
    for name, flaw in BAD.items():
        write_toy(folder / name, **flaw)
        add_version(folder, uri, alias=name, artifact=folder / name)
    (folder / "params.yaml").write_text(json.dumps({"gate": THRESHOLDS.model_dump()}))
    return Registry(MODEL_NAME, uri)


@pytest.fixture(scope="module")
def service(models, tmp_path_factory) -> Iterator[Server]:
    settings = {"MLFLOW_TRACKING_URI": models.tracking_uri, "POLL_INTERVAL": "0.1"}
    with Server(tmp_path_factory.mktemp("service"), **settings) as server:
        wait_until(lambda: served_versions(server) == {"1", "2", "3", "4", "5"})
        yield server


@pytest.fixture(scope="module")
def callers(service) -> Iterator[Callers]:
    """They know nothing of versions; each has the one that the routing gives it."""
    with Callers(service, many=24, pause=0.05) as calling:
        calling.wait_for(300)
        yield calling


@pytest.fixture
def words(models, service, monkeypatch) -> Callable[[str], list[str]]:
    """The words of `python -m registry rollout ALIAS` with short holds."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", models.tracking_uri)
    params = Path(models.tracking_uri.removeprefix("sqlite:///")).with_name("params.yaml")
    return lambda alias: ["rollout", alias, "--service", service.url, "--params", str(params), *QUICK]


@pytest.fixture
def rollout(words, capsys) -> Callable[[str], tuple[str | None, list[dict]]]:
    """That command in this process: what it says at its end, None where all is well, and what it printed."""

    def run(alias: str) -> tuple[str | None, list[dict]]:
        capsys.readouterr()
        said = None
        try:
            main(words(alias))
        except SystemExit as end:
            said = end.code
        return said, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.mark.parametrize(("alias", "reason"), [("broken", "errors"), ("slow", "latency"), ("spammer", "labels")])
def test_a_bad_version_is_stopped_within_its_first_hold(rollout, models, callers, alias, reason):
    said, printed = rollout(alias)
    assert f"{alias} has no share any more: {reason}: " in said
    assert [line["share"] for line in printed if line["what"] == "step"] == [40.0], printed
    assert read_routing(models) == Routing() and aliases(models)["champion"] == "1"
    step, stop = history(models)[-2:]
    assert (step["what"], step["after"]["shares"]) == (STEP, {alias: 40.0})
    assert (stop["what"], stop["after"]["shares"]) == (STOP, {}) and stop["why"].startswith(reason)


def test_a_good_version_becomes_champion_in_spite_of_ctrl_c(words, rollout, models, service, callers):
    failed = len(callers.failures)
    first = subprocess.Popen([sys.executable, "-m", "registry", *words("good")], cwd=ROOT, stderr=subprocess.PIPE)
    wait_until(lambda: read_routing(models).shares == {"good": 40.0})
    first.send_signal(signal.SIGINT)
    said = first.stderr.read().decode()
    assert first.wait() == 130 and "Traceback" not in said
    assert "interrupted; calls: good 40%, champion 60%. Nobody watches it now" in said and "route good=0" in said
    assert read_routing(models).shares == {"good": 40.0}

    said, printed = rollout("good")
    assert said is None and printed[0]["text"].startswith("continues at 40%")
    assert [line["share"] for line in printed if line["what"] == "step"] == [40.0, 70.0, 100.0]
    assert printed[-1] == {"what": "promoted", "version": "2"}
    assert aliases(models)["champion"] == "2" and aliases(models)["challenger"] == "1"
    assert read_routing(models) == Routing()
    wait_until(lambda: default_version(service) == "2")
    assert len(callers.failures) == failed
