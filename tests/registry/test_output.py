"""What the command line prints for people."""

import pytest

from registry import output
from registry.drift import Drift
from registry.route import Routing


@pytest.mark.parametrize(
    ("routing", "line"),
    [
        (Routing(), "calls: champion 100%\n"),
        (Routing({"challenger": 12.5}), "calls: challenger 12.5%, champion 87.5%\n"),
        (Routing({"challenger": 10.0}, "night"), "calls: challenger 10%, champion 90%; shadow: night\n"),
    ],
)
def test_a_routing_is_one_line(routing, line, capsys):
    output.print_routing(routing, as_json=False)
    assert capsys.readouterr().out == line


def test_an_event_shows_its_aliases_or_its_routing(capsys):
    common = {"at": "2030-01-02T03:04:05.678901Z", "by": "ann", "why": None}
    events = [
        {**common, "what": "promote", "before": {}, "after": {"champion": "1"}},
        {**common, "what": "route", "before": {"shares": {}, "shadow": None}, "after": {"shares": {}, "shadow": "b"}},
    ]
    output.print_events(events, as_json=False)
    printed = " ".join(capsys.readouterr().out.split())
    assert "2030-01-02 03:04:05 ann promote champion=1" in printed and "shadow: b" in printed


def test_a_drift_shows_its_indices_where_they_are_known(capsys):
    rows = [Drift("1", ("champion",), 300, 0.01, 0.2, None, "shifting"), Drift("2", (), 1, None, None, None, "too few")]
    output.print_drifts(rows, as_json=False)
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["1", "champion", "300", "0.010", "0.200", "shifting"]
    assert second.split() == ["2", "1", "too", "few"]
