"""The dashboard asks Prometheus for what the service exposes, in expressions that can be read."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest

from bentos.monitoring.metrics import Metrics
from bentos.monitoring.worker_metrics import Processes

DASHBOARD = json.loads((Path(__file__).parents[3] / "bentos" / "deploy" / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
PARTS = ("expr", "lhs", "rhs", "vector_selector", "args")  # of an expression, that are expressions


@pytest.fixture(scope="module")
def exposed(tmp_path_factory) -> set[str]:
    """What a service exposes: its own metrics, and those of its one process."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "process.1").write_text(str(os.getpid()))
    families = [*Metrics().collect(), *Processes(folder).collect()]
    return {family.name + ending for family in families for ending in SAMPLES[family.type]}


def selected(part: object) -> Iterator[str]:
    """The names of the metrics in an expression."""
    if isinstance(part, list):
        for one in part:
            yield from selected(one)
    elif isinstance(part, promql_parser.VectorSelector):
        yield part.name
    else:
        for name in PARTS:
            yield from selected(getattr(part, name, []))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_there_is(panel, exposed):
    assert panel["targets"]
    for target in panel["targets"]:
        parsed = promql_parser.parse(target["expr"].replace("$__rate_interval", "5m"))
        names = set(selected(parsed))
        assert names and names <= exposed


def test_panels_have_places_and_numbers_of_their_own():
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken)) and max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
