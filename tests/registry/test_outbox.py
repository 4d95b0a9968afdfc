"""What is written to the outbox waits there, and one process at a time delivers it."""

import threading

import pytest

from registry import outbox as module
from registry.outbox import GIVEN_UP, SENT, Outbox, OutboxError


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "notify.db")


def test_an_outbox_that_nobody_has_written_is_empty_and_makes_no_file(outbox):
    assert (outbox.waiting(), outbox.oldest(), outbox.given_up()) == (0, None, [])
    assert not outbox.path.exists()


def test_what_is_written_waits_in_its_order_until_it_is_sent_or_given_up(outbox):
    for kind in ("one", "two", "three"):
        assert outbox.add(kind, f'"{kind}"')
    first = outbox.oldest()
    assert (first.kind, first.body, outbox.waiting()) == ("one", '"one"', 3)
    outbox.close(first, problem="away")
    assert outbox.oldest() == first._replace(problem="away")
    outbox.close(first, SENT)
    outbox.close(outbox.oldest(), GIVEN_UP, "it answers 404")
    assert (outbox.oldest().kind, outbox.waiting()) == ("three", 1)
    assert [(lost.kind, lost.problem) for lost in outbox.given_up()] == [("two", "it answers 404")]


def test_once_a_day_is_by_kind_and_topic_also_after_it_was_sent(outbox, monkeypatch):
    assert outbox.add("drift", "{}", once_a_day="3") and not outbox.add("drift", "{}", once_a_day="3")
    outbox.close(outbox.oldest(), SENT)
    assert not outbox.add("drift", "{}", once_a_day="3")
    assert outbox.add("drift", "{}", once_a_day="4") and outbox.add("other", "{}", once_a_day="3")
    assert outbox.add("drift", "{}") and outbox.add("drift", "{}")
    monkeypatch.setattr(module, "DAY", 0.0)
    assert outbox.add("drift", "{}", once_a_day="3")


def test_it_is_bounded_and_forgets_what_is_done(outbox, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    outbox.add("one", "{}")
    outbox.add("two", "{}")
    with pytest.raises(OutboxError, match="2 notifications wait"):
        outbox.add("three", "{}")
    outbox.close(outbox.oldest(), GIVEN_UP, "why")
    monkeypatch.setattr(module, "KEPT", 0.0)
    outbox.add("three", "{}")
    assert outbox.given_up() == [] and outbox.waiting() == 2


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / "notify.db").write_text("no database " * 100)
    for outbox in (Outbox(tmp_path / "notify.db"), Outbox(tmp_path / "nowhere" / "notify.db")):
        with pytest.raises(OutboxError, match=str(outbox.path)):
            outbox.add("one", "{}")


def test_the_newest_that_wants_to_deliver_does_and_the_one_before_ends(outbox):
    taken_over, log = threading.Event(), []

    def take_over():
        with outbox.delivering() as still:
            log.append(("second", still()))

    with outbox.delivering() as still:
        assert still() and outbox.is_delivered_now()
        second = threading.Thread(target=take_over)
        second.start()
        while still():  # as `deliver` looks between two attempts
            taken_over.wait(0.01)
        assert log == []
    second.join()
    assert log == [("second", True)] and not outbox.is_delivered_now()
