"""What waits in the outbox when a service starts is delivered, and what never will be is in its log."""

from pathlib import Path

import pytest

from bentos.settings import Settings
from bentos.versions.following import courier as module
from bentos.versions.following.courier import Courier
from registry.outbox import GIVEN_UP, Outbox
from tests.receiver import SECRET, Receiver


def settings(folder: Path, url: str) -> Settings:
    return Settings(notify_url=url, notify_secret=SECRET, notify_path=folder / "notify.db")


def test_what_was_left_is_delivered(tmp_path):
    with Receiver() as receiver:
        courier = Courier(settings(tmp_path, receiver.url))
        courier.look()
        Outbox(tmp_path / "notify.db").add("promote", '{"action": "promote"}')
        courier.look()
        courier.look()
        assert receiver.next().message["action"] == "promote"
    assert len(receiver.attempts) == 1


@pytest.fixture
def starts(monkeypatch):
    """The starts of a delivery, which delivers nothing."""
    starts = []
    monkeypatch.setattr(module, "start_delivery", starts.append)
    return starts


def test_a_delivery_is_started_once_a_minute_and_not_beside_another(tmp_path, starts, monkeypatch):
    outbox = Outbox(tmp_path / "notify.db")
    outbox.add("promote", "{}")
    courier = Courier(settings(tmp_path, "http://127.0.0.1:1"))
    with outbox.delivering():
        courier.look()
    assert starts == []
    courier.look()
    courier.look()
    assert len(starts) == 1
    monkeypatch.setattr(module, "PAUSE", 0.0)
    other = Courier(settings(tmp_path, "http://127.0.0.1:1"))
    other.look()
    other.look()
    assert len(starts) == 3


def test_what_was_given_up_is_logged_once_and_so_is_an_outbox_that_cannot_be_used(tmp_path, starts, caplog):
    outbox = Outbox(tmp_path / "notify.db")
    outbox.add("promote", "{}")
    outbox.close(outbox.oldest(), GIVEN_UP, "it answers 404")
    courier = Courier(settings(tmp_path, "http://127.0.0.1:1"))
    courier.look()
    courier.look()
    assert caplog.text.count("promote was given up: it answers 404") == 1 and starts == []
    outbox.path.write_text("no database " * 100)
    courier.look()
    courier.look()
    assert caplog.text.count("cannot be looked for") == 1


def test_without_a_receiver_nothing_is_looked_for(tmp_path, starts):
    Outbox(tmp_path / "notify.db").add("promote", "{}")
    Courier(Settings(notify_path=tmp_path / "notify.db")).look()
    assert starts == []
