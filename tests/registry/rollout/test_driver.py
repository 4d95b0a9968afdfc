"""The steps of a rollout, its holds and looks, and every reason that stops it."""

from dataclasses import replace
from datetime import datetime

import pytest

from registry.errors import RegistryError
from registry.events import history
from registry.rollout.checks import Judged
from registry.rollout.control import STEP, STOP, Stopped
from registry.rollout.state import ROLLOUT
from registry.route import Routing, read_routing, set_routing
from tests.registry.conftest import THRESHOLDS, aliases
from tests.registry.rollout.drive import PLAN, at, serve


def test_a_version_like_the_champion_goes_all_the_way(drive, registry):
    drive.rollout(replace(PLAN, steps=(5.0, 50.0, 100.0))).run()
    assert aliases(registry) == {"champion": "2", "challenger": "1"}
    assert read_routing(registry) == Routing() and ROLLOUT not in registry.model_tags()
    events = [(event["what"], event["after"].get("shares")) for event in history(registry)[1:]]
    shares = [{"challenger": 5.0}, {"challenger": 50.0}, {"challenger": 100.0}, {}]
    assert events == [*((STEP, share) for share in shares), ("promote", None)]
    assert drive.pauses == 3 * 10 and [line["step"] for line in drive.lines("step")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [({"errors": 20}, "errors"), ({"seconds": 0.2}, "latency"), ({"slow": 0.3}, "latency"), ({"spam": 0.9}, "labels")],
)
def test_a_flaw_stops_it_in_the_first_hold(drive, flaw, reason):
    drive.flaw = flaw
    drive.stops(f"^{reason}: ")
    assert len(drive.lines("step")) == 1


def test_a_slow_version_that_slows_the_champion_down_too_is_compared_with_the_time_before(drive):
    drive.flaw = {"seconds": 0.2}
    drive.happens = lambda pause: drive.page.count("1", 1_000, seconds=0.2)
    drive.stops("^latency: .* longer than 50 ms")


def test_a_shift_of_labels_that_the_callers_explain_is_said_and_does_not_stop(drive):
    drive.flaw = {"spam": 0.9}
    drive.page.metrics.count_shadowed("1", "2", 3_000, 10)
    drive.rollout().run()
    assert "its callers differ" in drive.lines("note")[0]["text"]


def test_too_few_calls_are_waited_for_and_then_stop_it(drive):
    drive.load = 0
    drive.stops("the candidate has 0 of 200 calls, after 100 s more")
    assert drive.now == 1_000 + 210 and "waits: the candidate has 0" in drive.lines("note")[0]["text"]


def test_calls_that_come_late_are_enough(drive):
    drive.load = 0

    def call_late(pause: int) -> None:
        drive.load = 4_000 if pause > 12 else 0

    drive.happens = call_late
    drive.rollout().run()
    assert aliases(drive.registry)["champion"] == "2"


def test_an_outage_is_borne_for_a_while_and_then_stops_it(drive, page):
    def go_away(pause: int) -> None:
        page.status = 503 if pause in (3, 4) or pause > 12 else 200

    drive.happens = go_away
    drive.stops("it cannot be seen how the versions do: .* answers 503")
    assert drive.pauses == 16, "three looks in vain are 30 s, the fourth is too much"


def test_a_registry_that_is_away_for_a_while_stops_nothing(drive, registry, monkeypatch):
    away = []

    def tags() -> dict[str, str]:
        if away:
            raise RegistryError("away")
        return tags_of()

    tags_of = registry.model_tags
    monkeypatch.setattr(registry, "model_tags", tags)
    pause = drive.pause

    def pause_away(seconds: float) -> None:
        away.clear()
        pause(seconds)
        if drive.pauses in (3, 4, 10, 11):
            away.append(True)

    drive.pause = pause_away
    drive.rollout().run()
    assert drive.lines("note")[0]["text"] == "away" and aliases(registry)["champion"] == "2"


def test_a_service_that_is_started_again_loses_nothing_but_its_counts(drive, page):
    drive.happens = at(3, page.restart)
    drive.rollout().run()
    assert aliases(drive.registry)["champion"] == "2"


def test_a_version_that_the_service_no_longer_serves_stops_it(drive, page):
    drive.happens = at(3, lambda: page.serve(page.served[:1]))
    drive.stops("does not serve version . as ")


def test_a_gate_that_refuses_at_the_end_leaves_no_share(drive, registry):
    rollout = drive.rollout()
    stricter = THRESHOLDS.model_copy(update={"floors": {"mcc": 0.9999}})
    drive.happens = at(15, lambda: setattr(rollout, "thresholds", stricter))
    with pytest.raises(Stopped, match="version 2 was not promoted: mcc"):
        rollout.run()
    assert read_routing(registry) == Routing() and aliases(registry)["champion"] == "1"
    assert [event["what"] for event in history(registry)][-2:] == [STEP, STOP]


def test_live_quality_stops_at_the_end_of_a_hold(drive):
    judged = {"1": Judged(95, 100, 1, 900), "2": Judged(20, 100, 1, 900)}
    drive.quality = lambda since: judged
    drive.stops("^live quality: 20 of 100 spam caught")
    assert drive.pauses == 10


def test_live_quality_that_cannot_be_read_is_waited_for(drive):
    def away(since: datetime) -> dict[str, Judged]:
        if drive.pauses:
            raise RegistryError("no call log")
        return {}

    drive.quality = away
    drive.stops("live quality: no call log, after 100 s more")


def test_an_error_of_the_rollout_itself_leaves_no_share(drive):
    def fail() -> None:
        raise ZeroDivisionError("unforeseen")

    drive.happens = at(13, fail)
    drive.stops("an error of the rollout itself: ZeroDivisionError")


def no_call_log(since: datetime) -> dict[str, Judged]:
    raise RegistryError("no call log")


@pytest.mark.parametrize(
    ("prepare", "plan", "reason"),
    [
        (lambda drive: None, replace(PLAN, alias="nobody"), "no alias 'nobody' of sms-spam; there are: challenger"),
        (lambda drive: None, replace(PLAN, alias="2"), "no alias '2'"),
        (lambda drive: None, replace(PLAN, alias="champion"), "champion is the champion already"),
        (lambda drive: drive.page.serve([]), PLAN, "does not serve version 2 as challenger"),
        (lambda drive: setattr(drive.page, "status", 503), PLAN, "answers 503"),
        (
            lambda drive: setattr(drive, "quality", no_call_log),
            PLAN,
            "live quality: no call log; `--no-quality` goes without",
        ),
        (
            lambda drive: set_routing(drive.registry, Routing({"challenger": 10.0})),
            PLAN,
            "challenger has 10% of the calls, more than the first step",
        ),
        (
            lambda drive: (
                drive.registry.point({"challenger": "2"}, {"challenger": "3"}) or serve(drive.registry, drive.page)
            ),
            PLAN,
            "the gate would refuse version 3 at the end: mcc",
        ),
    ],
)
def test_what_cannot_begin_changes_nothing(drive, registry, prepare, plan, reason):
    prepare(drive)
    before = registry.model_tags()
    with pytest.raises(RegistryError, match=reason):
        drive.rollout(plan).run()
    assert registry.model_tags() == before and drive.pauses == 0
