"""Shares of traffic and a shadow, set from the command line while the service runs."""

import os
import subprocess
import sys

from registry.route import Routing
from tests.server import ROOT, Server
from tests.system.tools import get_json, metric, wait_until

CALLERS = [f"127.0.2.{n}" for n in range(1, 31)]


def route(uri: str, *words: str) -> None:
    command = [sys.executable, "-m", "registry", "route", *words]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"MLFLOW_TRACKING_URI": uri}, check=True, capture_output=True)


def answering(server: Server) -> dict[str, str]:
    """The version that answers each caller."""
    return {caller: _answering(server, caller) for caller in CALLERS}


def _answering(server: Server, caller: str) -> str:
    with server.spam(caller) as spam:
        return spam.predict("free").model_version


def test_shares_and_the_shadow_take_effect_at_once_and_outlast_a_restart(tmp_path, uri):
    settings = {"MLFLOW_TRACKING_URI": uri, "POLL_INTERVAL": "0.1"}
    with Server(tmp_path, **settings) as server:
        assert set(answering(server).values()) == {"1"}
        route(uri, "challenger=40", "--shadow", "challenger")
        wait_until(
            lambda: get_json(server, "/versions")["routing"] == {"shares": {"challenger": 40}, "shadow": "challenger"}
        )
        first = answering(server)
        routing = Routing({"challenger": 40})
        assert first == {caller: "2" if routing.alias(caller) == "challenger" else "1" for caller in CALLERS}
        assert set(first.values()) == {"1", "2"}
        heard = list(first.values()).count("1")
        pair = '{model_version="1",shadow_version="2"}'
        wait_until(lambda: metric(server, f"spam_shadow_texts_total{pair}") == heard)
        assert metric(server, f"spam_shadow_disagreements_total{pair}") == heard, "`free` is spam to one toy alone"
    with Server(tmp_path, **settings) as server:
        assert answering(server) == first
        route(uri, "--clear")
        wait_until(lambda: get_json(server, "/versions")["routing"] == {"shares": {}, "shadow": None})
        assert set(answering(server).values()) == {"1"}
