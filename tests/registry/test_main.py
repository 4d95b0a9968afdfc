"""The command line, in this process; once as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.promote import promote
from registry.route import Routing, read_routing
from tests.registry.conftest import THRESHOLDS, aliases
from tests.toyregistry import add_version

ROOT = Path(__file__).parents[2]


def test_a_first_champion_a_refusal_a_forced_promotion_and_its_rollback(cli, registry):
    assert "champion: version 2" in cli("init").output
    assert cli("promote", "3").status == 1
    assert aliases(registry) == {"champion": "2", "challenger": "1"}

    assert cli("promote", "3", "--force").status == 2
    assert cli("promote", "3", "--force", "--why", "a drill").status == 0
    shown = json.loads(cli("show", "champion", "--json").output)
    assert shown["version"] == "3" and shown["metrics"]["mcc"] < 0.8 and shown["verdict"]["passed"] is False
    assert cli("promote", "3").output == "version 3 is already champion\n"

    log = json.loads(cli("log", "--json").output)
    assert log[-1]["what"] == "force" and log[-1]["why"] == "a drill"
    assert cli("rollback").output == "challenger: version 1, champion: version 2\n"


def test_every_table_fits_60_columns_and_leaves_nothing_out(cli, registry, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    registry.point({}, {"champion": "2", "challenger": "1"})
    assert cli("promote", "1", "--force", "--why", "a drill that has a long reason").status == 0
    for words in (("list",), ("show", "1"), ("log",), ("promote", "3")):
        printed = cli(*words).output
        assert printed and max(map(len, printed.splitlines())) <= 60 and "…" not in printed


def test_the_list_fits_80_columns_and_an_unknown_version_is_answered_with_those_that_exist(cli, registry):
    registry.point({}, {"champion": "2", "challenger": "1"})
    listed = cli("list").output
    assert "champion" in listed and max(map(len, listed.splitlines())) <= 80
    assert "Model card" in cli("show", "1").output
    unknown = cli("show", "9")
    assert unknown.status == 1 and "there are: 3, 2 = champion, 1 = challenger" in unknown.error


def test_a_version_of_the_stand_in_is_marked_in_the_list_and_shown_with_its_source(cli, registry, tmp_path):
    assert "stand-in" not in cli("list").output
    add_version(tmp_path, registry.tracking_uri, -1.0, wrong=1, stand_in="a part of the corpus")
    rows = cli("list").output.splitlines()
    assert [row.startswith("4 ") for row in rows if "toy *" in row] == [True]
    assert rows[-1].startswith("* trained on a stand-in") and len(rows[-1]) <= 80
    assert "a part of the corpus" in cli("show", "4").output
    listed = json.loads(cli("list", "--json").output)
    assert [row.get("stand_in") for row in listed] == ["a part of the corpus", None, None, None]


def test_a_refused_promotion_as_a_process(registry, tmp_path):
    promote(registry, "2", THRESHOLDS)
    (tmp_path / "params.yaml").write_text(json.dumps({"gate": THRESHOLDS.model_dump()}))
    variables = {"MLFLOW_TRACKING_URI": registry.tracking_uri, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}
    command = [sys.executable, "-m", "registry", "promote", "3"]
    refused = subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "fail" in refused.stdout and "version 3 was not promoted" in refused.stderr


def test_a_reader_that_goes_away_ends_a_table_without_a_word(registry):
    environment = {**os.environ, "MLFLOW_TRACKING_URI": registry.tracking_uri}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    listing = subprocess.Popen([sys.executable, "-m", "registry", "list"], cwd=ROOT, env=environment, **pipes)
    listing.stdout.close()
    assert listing.stderr.read() == "" and listing.wait() == 141


@pytest.fixture
def route(cli, registry):
    """`python -m registry route WORDS --json`: the routing afterwards."""
    registry.point({}, {"champion": "1", "challenger": "2"})

    def run(*words: str) -> Routing:
        printed = cli("route", *words, "--json")
        assert printed.status == 0, printed.error
        return Routing.from_json(printed.output)

    return run


def test_route_changes_only_what_is_given(registry, cli, route):
    assert route("challenger=10") == Routing({"challenger": 10.0})
    assert route("--shadow", "challenger") == Routing({"challenger": 10.0}, "challenger")
    assert route("challenger=20") == Routing({"challenger": 20.0}, "challenger")
    assert route("--shadow", "none") == Routing({"challenger": 20.0})
    assert cli("route", "challenger=10", "challenger=30").status == 2
    assert route("challenger=0", "--shadow", "champion") == Routing(shadow="champion")
    assert route("--clear") == route() == read_routing(registry) == Routing()
