import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.__main__ import main
from registry.events import history
from registry.route import Routing, dumps, loads, read_routing, set_routing
from registry.versions import Registry, RegistryError
from tests.toyregistry import MODEL_NAME, make_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    return Registry(MODEL_NAME, make_registry(tmp_path_factory.mktemp("registry")))


@given(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 25)), st.text())
def test_a_caller_always_gets_the_same_alias(shares, caller):
    routing = Routing(shares)
    assert loads(dumps(routing)) == routing
    assert loads(dumps(routing)).alias(caller) == routing.alias(caller) in {*shares, "champion"}


def test_callers_are_spread_by_the_shares():
    routing = Routing({"challenger": 10, "night": 30})
    counts = Counter(routing.alias(f"10.0.{i // 250}.{i % 250}") for i in range(10_000))
    assert counts["challenger"] == pytest.approx(1000, rel=0.15)
    assert counts["night"] == pytest.approx(3000, rel=0.15)
    assert counts["champion"] == pytest.approx(6000, rel=0.15)


def test_a_larger_share_keeps_those_it_had():
    callers = [str(i) for i in range(1000)]
    few = {caller for caller in callers if Routing({"challenger": 10}).alias(caller) == "challenger"}
    more = {caller for caller in callers if Routing({"challenger": 20}).alias(caller) == "challenger"}
    assert few < more


def test_a_routing_is_kept_shown_and_recorded(registry):
    assert read_routing(registry) == Routing()
    set_routing(registry, Routing({"challenger": 10.0}, shadow="challenger"))
    assert read_routing(registry) == Routing({"challenger": 10.0}, shadow="challenger")
    set_routing(registry, Routing())
    assert read_routing(registry) == Routing()
    assert [event["what"] for event in history(registry)][-2:] == ["route", "route"]


@pytest.fixture
def cli(registry, monkeypatch, capsys):
    """`python -m registry route WORDS --json`: the routing that it tells."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)

    def run(*words: str) -> Routing:
        monkeypatch.setattr(sys, "argv", ["registry", "route", *words, "--json"])
        main()
        return loads(capsys.readouterr().out)

    return run


def test_only_what_is_given_changes(registry, cli):
    assert cli("challenger=10") == Routing({"challenger": 10.0})
    assert cli("--shadow", "challenger") == Routing({"challenger": 10.0}, "challenger")
    assert cli("challenger=20") == Routing({"challenger": 20.0}, "challenger")
    assert cli("--shadow", "none") == Routing({"challenger": 20.0})
    with pytest.raises(SystemExit, match="2"):
        cli("challenger=10", "challenger=30")
    assert cli("challenger=0", "--shadow", "champion") == Routing(shadow="champion")
    assert cli("--clear") == cli() == read_routing(registry) == Routing()


@pytest.mark.parametrize(
    ("routing", "why"),
    [
        (Routing({"nobody": 10}), "no alias 'nobody'; there are: challenger, champion"),
        (Routing(shadow="nobody"), "no alias 'nobody'"),
        (Routing({"challenger": 101}), "between 0 and 100"),
        (Routing({"challenger": float("nan")}), "between 0 and 100"),
        (Routing({"champion": 50}), "champion gets what the others leave"),
    ],
)
def test_a_routing_that_makes_no_sense_changes_nothing(registry, routing, why):
    before = read_routing(registry), history(registry)
    with pytest.raises(RegistryError, match=why):
        set_routing(registry, routing)
    assert (read_routing(registry), history(registry)) == before
