"""A command writes what it has to tell and goes on; another process tells it."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from registry import notify as module
from registry.__main__ import tell_drift
from registry.drift import Drift, verdict_of
from registry.notify import notify
from registry.outbox import GIVEN_UP, Outbox
from registry.promote import Refused, promote, rollback
from registry.settings import RegistrySettings
from tests.receiver import SECRET, Receiver
from tests.registry.conftest import THRESHOLDS
from tests.toyregistry import MODEL_NAME

ROOT = Path(__file__).parents[2]


@pytest.fixture
def outbox(tmp_path, monkeypatch):
    """The outbox of the settings of this process; nothing is delivered from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFY_URL", "http://127.0.0.1:1/in?token=hunter2")
    monkeypatch.setenv("NOTIFY_SECRET", SECRET)
    monkeypatch.setattr(module, "start_delivery", lambda settings: None)
    return Outbox(tmp_path / "notify.db")


def told(outbox):
    """(kind, data) of all that waits, without what every notification has."""
    rows = [(row.kind, json.loads(row.body)) for row in outbox._all("waiting")]
    assert all(row["entity"] == "registered_model" and row["action"] == kind for kind, row in rows)
    assert all(row["data"].pop("name") == MODEL_NAME and row["data"].pop("by") for _, row in rows)
    return [(kind, row["data"]) for kind, row in rows]


def test_without_a_receiver_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOTIFY_URL", raising=False)
    notify("promote", {"version": "1"})
    assert list(tmp_path.iterdir()) == []


def test_a_promotion_a_refusal_a_forced_one_and_a_rollback_are_told(outbox, registry):
    promote(registry, "2", THRESHOLDS)
    with pytest.raises(Refused):
        promote(registry, "3", THRESHOLDS)
    promote(registry, "3", THRESHOLDS, why="a drill")
    promote(registry, "3", THRESHOLDS)  # it is champion already
    rollback(registry)
    first, refused, forced, back = told(outbox)
    assert first == ("promote", {"version": "2", "variant": "toy", "before": None, "why": None, "gate": "passed"})
    assert refused[0] == "refuse" and refused[1]["version"] == "3" and "mcc" in refused[1]["failed"]
    assert forced[1] == {"version": "3", "variant": "toy", "before": "2", "why": "a drill", "gate": "failed"}
    assert back == ("rollback", {"version": "2", "before": "3"})


def test_a_served_version_whose_calls_have_drifted_is_told_once_a_day(outbox):
    drifted, shifting = (Drift("2", ("champion",), 300, index, 0.01, None, verdict_of(index)) for index in (0.3, 0.2))
    for version in (shifting, replace(drifted, aliases=()), drifted, drifted):
        tell_drift(version)
    details = {"version": "2", "aliases": ["champion"], "calls": 300}
    indices = {"psi_labels": 0.3, "psi_lengths": 0.01, "psi_scores": None}
    assert told(outbox) == [("drift", details | indices)]


def test_what_cannot_be_written_is_said_and_the_promotion_stands(outbox, registry, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_PATH", "nowhere/notify.db")
    assert promote(registry, "2", THRESHOLDS).passed and registry.resolve("champion").number == "2"
    said = capsys.readouterr().err
    assert said.startswith("notice: promote cannot be told") and "nowhere/notify.db" in said and "hunter2" not in said


def test_a_wrong_setting_is_said_without_its_value(outbox, monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_URL", "ftp://hunter2")
    notify("promote", {})
    said = capsys.readouterr().err
    assert "NOTIFY_URL" in said and "http://" in said and "hunter2" not in said and not outbox.path.exists()


@pytest.mark.parametrize("url", ["ftp://host", "host", "http://", "http://host:port", "http://a b", "http://a\nb"])
def test_no_other_url_is_taken_and_no_error_shows_it(url):
    for secrets in ({"notify_url": url, "notify_secret": "hunter2"}, {"notify_url": "http://hunter2"}):
        with pytest.raises(ValidationError) as raised:
            RegistrySettings(**secrets)
        assert "hunter2" not in str(raised.value) and url not in str(raised.value).splitlines()[-1]


def test_a_notification_that_was_given_up_is_spoken_of_by_the_next_command(outbox, capsys):
    notify("one", {})
    outbox.close(outbox.oldest(), GIVEN_UP, "it answers 404")
    assert capsys.readouterr().err == ""
    notify("two", {})
    assert "1 earlier notifications were given up" in capsys.readouterr().err


def test_the_command_returns_at_once_and_each_message_comes_once_and_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with Receiver(500) as receiver:
        monkeypatch.setenv("NOTIFY_URL", receiver.url)
        monkeypatch.setenv("NOTIFY_SECRET", SECRET)
        notify("drift", {"version": "1"}, once_a_day="1")
        started = time.monotonic()
        notify("drift", {"version": "1"}, once_a_day="1")
        notify("promote", {"version": "2"})
        assert time.monotonic() - started < 2
        assert [receiver.next().message["action"] for _ in range(2)] == ["drift", "promote"]
        again = subprocess.run(  # when it has the lock, the one before has ended
            [sys.executable, "-m", "registry", "notify"], env=os.environ, capture_output=True, text=True, check=True
        )
        assert "nothing waits" in again.stdout or "newer" in again.stdout, again.stdout
        assert receiver.deliveries.empty() and receiver.refused == []


def test_the_verb_tells_what_was_given_up_and_needs_a_receiver(cli, outbox, monkeypatch):
    outbox.add("refuse", "{}")
    outbox.close(outbox.oldest(), GIVEN_UP, "it answers 404")
    printed = cli("notify")
    assert printed.status == 0 and "refuse of 20" in printed.output and "it answers 404" in printed.output
    outbox.add("promote", "{}")
    monkeypatch.setenv("NOTIFY_URL", "")
    assert "NOTIFY_URL is not set; 1 wait in notify.db" in cli("notify").output
