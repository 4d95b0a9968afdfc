"""Rollouts on a real registry and a page of metrics, by a clock of the test's own: each pause counts some calls."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bentos.monitoring.info import VersionLabels
from registry import notify
from registry.events import history
from registry.outbox import WAITING, Outbox
from registry.promote import promote
from registry.quick import QuickRegistry
from registry.rollout.checks import Judged
from registry.rollout.driver import STEP, STOP, Rollout, Stopped, TakenOver
from registry.rollout.plan import Plan
from registry.rollout.progress import Progress
from registry.rollout.services import Services
from registry.rollout.state import ROLLOUT, Runner, State, read_state, write_state
from registry.route import Routing, read_routing, set_routing
from registry.versions import Registry, RegistryError
from tests.registry.conftest import THRESHOLDS, aliases
from tests.toyregistry import MODEL_NAME

PLAN = Plan("challenger", steps=(5.0, 50.0), hold=100.0, wait=100.0, calls=200, timeout=30.0)


class Drive:
    """Makes rollouts in this process, and counts calls during their pauses, by the routing that is in force.

    `happens` is called at each pause with its number, from 1, before the calls are counted.
    """

    def __init__(self, registry: Registry, page) -> None:
        self.registry, self.page = registry, page
        self.now, self.pauses = 1_000.0, 0
        self.flaw: dict[str, float] = {}  # of the candidate, as `MetricsPage.count` takes it
        self.load = 400  # calls in a pause
        self.happens: Callable[[int], None] = lambda pause: None
        self.printed = io.StringIO()
        self.quality = None

    def rollout(self, plan: Plan = PLAN) -> Rollout:
        services, progress = Services([self.page.url]), Progress(True, self.printed)
        return Rollout(self.registry, plan, services, THRESHOLDS, self.quality, progress, lambda: self.now, self.pause)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses += 1
        self.happens(self.pauses)
        share = read_routing(self.registry).shares.get("challenger", 0) / 100
        self.page.count("2", round(self.load * share), **self.flaw)
        self.page.count("1", round(self.load * (1 - share)))

    def lines(self, what: str) -> list[dict]:
        lines = [json.loads(line) for line in self.printed.getvalue().splitlines()]
        return [line for line in lines if line["what"] == what]

    def stops(self, match: str, shares: dict[str, float] | None = None, plan: Plan = PLAN) -> None:
        """The rollout stops for this reason, which is recorded; `shares` are those that stay."""
        with pytest.raises(Stopped, match=match) as stopped:
            self.rollout(plan).run()
        assert read_routing(self.registry).shares == (shares or {})
        event = history(self.registry)[-1]
        assert (event["what"], event["why"], event["after"]["shares"]) == (STOP, str(stopped.value), shares or {})
        assert ROLLOUT not in self.registry.model_tags()


@pytest.fixture(scope="module")
def promoted(toys, tmp_path_factory) -> Path:
    """The database of a registry whose version 1 is the champion and 2, which is better, the challenger."""
    database = shutil.copy(toys / "mlflow.db", tmp_path_factory.mktemp("promoted"))
    registry = Registry(MODEL_NAME, f"sqlite:///{database}")
    promote(registry, "1", THRESHOLDS)
    registry.point(aliases(registry), {"champion": "1", "challenger": "2"})
    return Path(database)


@pytest.fixture
def registry(promoted, tmp_path) -> Registry:
    """A copy of it, read as the command reads it."""
    shutil.copy(promoted, tmp_path)
    return QuickRegistry(MODEL_NAME, f"sqlite:///{tmp_path / promoted.name}")


@pytest.fixture
def drive(registry, page) -> Drive:
    serve(registry, page)
    page.count("1", 2_000)
    return Drive(registry, page)


def serve(registry: Registry, page) -> None:
    """Load what the registry has an alias for, as a service that follows it does."""
    page.serve([VersionLabels(v.number, alias, v.digest, "toy") for v in registry.versions() for alias in v.aliases])


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


def at(pause: int, do: Callable[[], object]) -> Callable[[int], None]:
    return lambda now: do() if now == pause else None


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("1", {"champion": "1", "challenger": "3"}, "challenger is version 3 now, and was 2"),
        ("1", {"champion": "2", "challenger": "1"}, "challenger is version 1 now, and was 2"),
        ("1", {"champion": "3", "challenger": "2"}, "champion is version 3 now, and was 1"),
        ("1", {"champion": "1"}, "no alias 'challenger'"),
    ],
)
def test_an_alias_that_moves_stops_it(drive, registry, before, after, reason):
    drive.happens = at(13, lambda: registry.point({"champion": "1", "challenger": "2"}, after))
    drive.stops(reason)


@pytest.mark.parametrize(
    ("routing", "left"),
    [
        (Routing({}), {}),
        (Routing({"challenger": 30.0}), {}),
        (Routing({"challenger": 50.0}, shadow="challenger"), {}),
        (Routing({"challenger": 50.0, "night": 10.0}), {"night": 10.0}),
    ],
)
def test_a_routing_that_somebody_changes_ends_it(drive, registry, routing, left):
    registry.point({"champion": "1"}, {"champion": "1", "night": "3", "challenger": "2"})
    drive.happens = at(13, lambda: set_routing(registry, routing))
    drive.stops("changed the routing to calls: ", left)
    assert read_routing(registry).shadow == routing.shadow


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


def test_each_step_and_the_stop_are_told(drive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("NOTIFY_SECRET", "secret")
    monkeypatch.setattr(notify, "start_delivery", lambda settings: None)
    drive.happens = at(13, lambda: drive.flaw.update(errors=500))
    drive.stops("^errors: ")
    told = [json.loads(row.body) for row in Outbox(tmp_path / "notify.db")._all(WAITING)]
    assert [(row["action"], row["data"]["share"]) for row in told] == [
        ("rollout_step", 5.0),
        ("rollout_step", 50.0),
        ("rollout_stop", 0),
    ]
    assert told[-1]["data"]["version"] == "2" and told[-1]["data"]["why"].startswith("errors: ")


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


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_rollout_leaves_the_routing_and_goes_on_where_it_was(drive, registry):
    drive.happens = at(13, interrupt)
    with pytest.raises(KeyboardInterrupt):
        drive.rollout().run()
    assert read_routing(registry).shares == {"challenger": 50.0}

    for other in (replace(PLAN, steps=(5.0, 100.0)), replace(PLAN, alias="night")):
        with pytest.raises(RegistryError, match="a rollout of challenger has stayed at 50%: go on with"):
            registry.point({}, {"night": "3"})
            serve(registry, drive.page)
            drive.rollout(other).run()
    drive.rollout().run()
    assert [line["step"] for line in drive.lines("step")] == [1, 2, 2]
    assert aliases(registry)["champion"] == "2"


def test_a_rollout_that_was_ended_by_hand_begins_from_the_first_step(drive, registry):
    drive.happens = at(13, interrupt)
    with pytest.raises(KeyboardInterrupt):
        drive.rollout().run()
    set_routing(registry, Routing())
    drive.rollout().run()
    assert [line["step"] for line in drive.lines("step")] == [1, 2, 1, 2]


def test_a_routing_that_was_changed_while_nobody_watched_stops_it(drive, registry):
    drive.happens = at(13, interrupt)
    with pytest.raises(KeyboardInterrupt):
        drive.rollout().run()
    set_routing(registry, Routing({"challenger": 20.0}))
    drive.stops("changed the routing to calls: challenger 20%")


def test_a_process_that_was_killed_between_state_and_routing_goes_on(drive, registry):
    drive.happens = at(3, interrupt)
    with pytest.raises(KeyboardInterrupt):
        drive.rollout().run()
    state = read_state(registry, read_routing(registry))
    routing = Routing({"challenger": 50.0})
    gone = Runner(pid=dead_process())
    write_state(registry, replace(state, step=1, before=state.routing, routing=routing, runner=gone))
    drive.rollout().run()
    assert [line["step"] for line in drive.lines("step")] == [1, 2]


def dead_process() -> int:
    return int(subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout)


def test_two_at_once_are_refused_and_the_first_goes_on(drive, registry):
    refused = []

    def second(pause: int) -> None:
        if pause in (1, 15):
            state = read_state(registry, read_routing(registry))
            other = replace(state, runner=replace(state.runner, pid=os.getppid()))  # as another process sees it
            write_state(registry, other)
            for plan in (PLAN, replace(PLAN, steps=(100.0,))):
                with pytest.raises(RegistryError, match="a rollout of challenger is run by") as error:
                    drive.rollout(plan).run()
                refused.append(str(error.value))

    drive.happens = second
    drive.rollout().run()
    assert len(refused) == 4 and aliases(registry)["champion"] == "2"


def test_a_process_whose_rollout_another_one_took_over_changes_nothing(drive, registry):
    def take_over() -> None:
        state = read_state(registry, read_routing(registry))
        write_state(registry, replace(state, runner=Runner()))

    drive.happens = at(13, take_over)
    with pytest.raises(TakenOver):
        drive.rollout().run()
    assert read_routing(registry).shares == {"challenger": 50.0}


@pytest.mark.parametrize("ended", [False, True])
def test_a_process_that_was_suspended_leaves_alone_what_another_has_made_of_its_rollout(drive, registry, ended):
    """The other one took over, went a step on and, if it `ended`, made the version champion."""

    def go_on() -> None:
        state = State.from_json(registry.model_tags()[ROLLOUT])
        routing = Routing({} if ended else {"challenger": 25.0})
        set_routing(registry, routing, read_routing(registry))
        if ended:
            registry.untag_model(ROLLOUT)
        else:
            write_state(registry, replace(state, routing=routing, runner=Runner()))
        drive.now += 10 * PLAN.timeout

    drive.happens = at(3, go_on)
    with pytest.raises(TakenOver, match="nothing was changed"):
        drive.rollout().run()
    assert read_routing(registry).shares == ({} if ended else {"challenger": 25.0})
    assert (ROLLOUT in registry.model_tags()) is not ended
    assert [event["what"] for event in history(registry) if event["what"] == STOP] == []


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


def test_the_state_is_kept_as_it_is(registry):
    state = State("a", "2-x", "1-y", (5.0,), 0, 1.0, 2.0, Routing(), Routing({"a": 5.0}, "b"), Runner())
    assert State.from_json(state.to_json()) == state
    assert State.from_json(replace(state, runner=None).to_json()).runner is None
