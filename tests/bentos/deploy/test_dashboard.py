"""The dashboard asks Prometheus for what the service exposes, in expressions that can be read."""

import json
from pathlib import Path

import promql_parser
import pytest

from tests.bentos.deploy.promql import exposed, selected

DASHBOARD = json.loads((Path(__file__).parents[3] / "bentos" / "deploy" / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> set[str]:
    """The names of what a service exposes."""
    return exposed(tmp_path_factory.mktemp("processes")).keys()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_there_is(panel, series):
    assert panel["targets"]
    for target in panel["targets"]:
        parsed = promql_parser.parse(target["expr"].replace("$__rate_interval", "5m"))
        names = {selector.name for selector in selected(parsed)}
        assert names and names <= series


def test_panels_have_places_and_numbers_of_their_own():
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken)) and max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
