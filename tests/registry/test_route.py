from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import RegistryError
from registry.events import history
from registry.route import Routing, read_routing, set_routing


@pytest.fixture
def routed(registry):
    registry.point({}, {"champion": "1", "challenger": "2"})
    return registry


@given(st.dictionaries(st.sampled_from("abcd"), st.floats(0, 25)), st.text())
def test_a_caller_always_gets_the_same_alias(shares, caller):
    routing = Routing(shares)
    assert Routing.from_json(routing.to_json()) == routing
    assert Routing.from_json(routing.to_json()).alias(caller) == routing.alias(caller) in {*shares, "champion"}


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


def test_a_routing_is_kept_shown_and_recorded(routed):
    assert read_routing(routed) == Routing()
    set_routing(routed, Routing({"challenger": 10.0}, shadow="challenger"))
    assert read_routing(routed) == Routing({"challenger": 10.0}, shadow="challenger")
    set_routing(routed, Routing())
    assert read_routing(routed) == Routing()
    assert [event["what"] for event in history(routed)][-2:] == ["route", "route"]


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
def test_a_routing_that_makes_no_sense_changes_nothing(routed, routing, why):
    before = read_routing(routed), history(routed)
    with pytest.raises(RegistryError, match=why):
        set_routing(routed, routing)
    assert (read_routing(routed), history(routed)) == before
