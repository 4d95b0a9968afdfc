"""What a rollout does to the registry, beside other hands and other processes that want to run it."""

import json
import os
import subprocess
from dataclasses import replace
from datetime import datetime

import pytest

from registry import notify
from registry.errors import RegistryError
from registry.events import history
from registry.outbox import WAITING, Outbox
from registry.rollout.checks import Judged
from registry.rollout.control import STOP, TakenOver
from registry.rollout.state import ROLLOUT, Runner, State, read_state, write_state
from registry.route import Routing, read_routing, set_routing
from tests.registry.conftest import aliases
from tests.registry.rollout.drive import PLAN, at, interrupt, serve


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


def taken_over(registry) -> str:
    """Another process takes the rollout over and goes a step on; the state that it writes."""
    state = State.from_json(registry.model_tags()[ROLLOUT])
    routing = Routing({"challenger": 25.0})
    set_routing(registry, routing, read_routing(registry))
    write_state(registry, replace(state, routing=routing, runner=Runner()))
    return registry.model_tags()[ROLLOUT]


def test_a_process_that_was_away_while_it_read_the_quality_leaves_alone_what_another_has_made(drive, registry):
    theirs = []

    def quality(since: datetime) -> dict[str, Judged]:
        if drive.pauses:  # before that, the start asks
            theirs.append(taken_over(registry))
        return {number: Judged(100, 2, 100, 1) for number in ("1", "2")}

    drive.quality = quality
    with pytest.raises(TakenOver):
        drive.rollout().run()
    assert read_routing(registry).shares == {"challenger": 25.0} and len(theirs) == 1
    assert registry.model_tags()[ROLLOUT] == theirs[0]


def test_ctrl_c_after_another_has_taken_over_leaves_the_others_state(drive, registry):
    theirs = []

    def go_on_and_interrupt() -> None:
        theirs.append(taken_over(registry))
        raise KeyboardInterrupt

    drive.happens = at(3, go_on_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        drive.rollout().run()
    assert registry.model_tags()[ROLLOUT] == theirs[0]


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


def test_the_state_is_kept_as_it_is(registry):
    state = State("a", "2-x", "1-y", (5.0,), 0, 1.0, 2.0, Routing(), Routing({"a": 5.0}, "b"), Runner())
    assert State.from_json(state.to_json()) == state
    assert State.from_json(replace(state, runner=None).to_json()).runner is None
