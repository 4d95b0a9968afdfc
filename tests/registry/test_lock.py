"""Two hands on one registry: one wins, the other is told, and the history shows both what happened and what did not."""

import signal
import threading
import time

import pytest

from registry import lock, promote, route
from registry.errors import RegistryError
from registry.events import history
from registry.lock import ChangedMeanwhile, changing
from registry.promote import rollback
from registry.route import Routing, read_routing, set_routing
from registry.versions import Registry
from tests.registry.conftest import THRESHOLDS, aliases
from tests.toyregistry import MODEL_NAME


def at_once(*changes):
    """Run the changes in threads of their own; the error of each, None where it succeeded."""
    errors = [None] * len(changes)

    def run(i, change):
        try:
            change()
        except RegistryError as error:
            errors[i] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(changes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.fixture
def all_have_read(monkeypatch):
    """Holds up every change until all of `many` have read what they want to change."""

    def wait_for(many):
        barrier = threading.Barrier(many)

        def changing_together(registry):
            barrier.wait(20)
            return changing(registry)

        monkeypatch.setattr(promote, "changing", changing_together)
        monkeypatch.setattr(route, "changing", changing_together)

    return wait_for


def hands(registry, many):
    return [Registry(MODEL_NAME, registry.tracking_uri) for _ in range(many)]


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(registry, all_have_read):
    promote.promote(registry, "1", THRESHOLDS)
    all_have_read(2)
    one, other = hands(registry, 2)
    errors = at_once(
        lambda: promote.promote(one, "2", THRESHOLDS), lambda: promote.promote(other, "3", THRESHOLDS, why="a drill")
    )
    (loser,) = [i for i, error in enumerate(errors) if isinstance(error, ChangedMeanwhile)]
    winner = "32"[loser]
    assert errors[1 - loser] is None and aliases(registry) == {"champion": winner, "challenger": "1"}
    events = [(event["what"], event["after"]["champion"], event["why"]) for event in history(registry)][1:]
    lost = f"{'force' if loser else 'promote'}, champion {'23'[loser]}: not done"
    assert [event[1] for event in events] == [winner, winner] and events[1][0] == "overtaken" and events[1][2] == lost


def test_of_two_rollbacks_at_once_one_undoes_one_promotion(registry, all_have_read):
    for ref in "123":
        promote.promote(registry, ref, THRESHOLDS, why="a drill")
    all_have_read(2)
    errors = at_once(*(lambda hand=hand: rollback(hand) for hand in hands(registry, 2)))
    assert sorted(type(error).__name__ for error in errors) == ["ChangedMeanwhile", "NoneType"]
    assert aliases(registry) == {"champion": "2", "challenger": "1"}


def test_of_two_routings_at_once_one_is_in_force_and_whole(registry, all_have_read):
    promote.promote(registry, "1", THRESHOLDS)
    promote.promote(registry, "2", THRESHOLDS)
    all_have_read(2)
    routings = [Routing({"challenger": 10.0}), Routing({}, "challenger")]
    errors = at_once(
        *(
            lambda h=hand, r=routing: set_routing(h, r)
            for hand, routing in zip(hands(registry, 2), routings, strict=True)
        )
    )
    (loser,) = [i for i, error in enumerate(errors) if isinstance(error, ChangedMeanwhile)]
    assert read_routing(registry) == routings[1 - loser]


def test_a_lock_that_somebody_holds_is_waited_for_and_named(registry, monkeypatch):
    monkeypatch.setattr(lock, "WAIT", 0.3)
    with changing(registry), pytest.raises(RegistryError, match=r"is changing the registry: try again"):
        promote.promote(registry, "1", THRESHOLDS)
    assert promote.promote(registry, "1", THRESHOLDS).passed


def test_a_lock_whose_holder_died_ends_after_a_while(registry, monkeypatch):
    registry.client.create_registered_model(f"{MODEL_NAME}.lock", {"since": str(time.time() - 61)})
    assert promote.promote(registry, "1", THRESHOLDS).passed


def test_the_command_that_loses_exits_with_1_and_says_so(cli, registry, monkeypatch):
    monkeypatch.setattr(promote, "check_unchanged", lambda before, now: lock.check_unchanged(before, None))
    printed = cli("promote", "2")
    assert printed.status == 1 and "somebody else changed the registry" in printed.error
    assert aliases(registry) == {}


@pytest.mark.parametrize("name", ["_create", "_delete"])
def test_ctrl_c_while_the_lock_is_made_or_deleted_leaves_none_behind(registry, monkeypatch, name):
    done = getattr(lock, name)

    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        return done(*args)

    monkeypatch.setattr(lock, name, interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        with pytest.raises(KeyboardInterrupt), lock.changing(registry):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    with lock.changing(registry, wait=0):
        pass
