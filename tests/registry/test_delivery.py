"""From the outbox to a real receiver that checks signature and time."""

import signal
import socket
import threading
import time

import pytest
import requests
from pydantic import SecretStr

from registry import delivery
from registry.delivery import deliver, headers, post, problem_of
from registry.outbox import Notification, Outbox
from registry.settings import RegistrySettings
from tests.receiver import SECRET, Receiver

MESSAGE = Notification(1, "an-id", "promote", '{"ä": 1}', 0.0, "")


@pytest.fixture
def settings(tmp_path):
    """Settings for a receiver, and an outbox of the test's own."""

    def of(url: str) -> RegistrySettings:
        return RegistrySettings(notify_url=url, notify_secret=SECRET, notify_path=tmp_path / "notify.db")

    return of


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(delivery, "SHORTEST_PAUSE", 0.01)


def test_the_headers_are_those_of_mlflow_s_webhooks():
    from mlflow.webhooks import constants
    from mlflow.webhooks.delivery import _generate_hmac_signature

    made = headers("secret", MESSAGE, 1_700_000_000)
    assert made[constants.WEBHOOK_DELIVERY_ID_HEADER] == "an-id"
    assert made[constants.WEBHOOK_TIMESTAMP_HEADER] == "1700000000"
    expected = _generate_hmac_signature("secret", "an-id", "1700000000", MESSAGE.body)
    assert made[constants.WEBHOOK_SIGNATURE_HEADER] == expected


def test_a_receiver_that_is_down_and_then_fails_twice_gets_each_message_once_and_in_order(settings):
    receiver = Receiver(500, 500)
    ours, said = settings(receiver.url), []
    outbox = Outbox(ours.notify_path)
    for kind in ("one", "two", "three"):
        outbox.add(kind, f'{{"action": "{kind}"}}')
    ids = []

    def say(line):
        said.append(line)
        if len(said) == 2:  # two attempts have failed
            ids.append(outbox.oldest().id)
            receiver.start()

    assert deliver(ours, say) == 0
    with_answers = [receiver.next() for _ in range(3)]
    receiver.__exit__()
    assert [one.message["action"] for one in with_answers] == ["one", "two", "three"]
    assert receiver.attempts == [ids[0]] * 3 + [one.id for one in with_answers[1:]] and receiver.refused == []
    assert [line.partition(";")[0] for line in said] == [
        *["one: it cannot be connected to, or hung up"] * 2,
        *["one: it answers 500"] * 2,
        *(f"{kind}: sent" for kind in ("one", "two", "three")),
    ]
    assert outbox.waiting() == 0 and receiver.deliveries.empty()


def test_what_the_receiver_refuses_for_good_is_given_up_and_the_next_one_is_sent(settings):
    with Receiver(404) as receiver:
        ours = settings(receiver.url)
        outbox = Outbox(ours.notify_path)
        outbox.add("one", "{}")
        outbox.add("two", "{}")
        assert deliver(ours, print) == 1
        assert receiver.next().message == {} and len(receiver.attempts) == 2
    assert [(lost.kind, lost.problem) for lost in outbox.given_up()] == [("one", "it answers 404")]


def test_a_message_that_is_too_old_is_tried_once_more_and_given_up(settings, monkeypatch):
    monkeypatch.setattr(delivery, "PATIENCE", 0.0)
    ours = settings(Receiver().url)
    Outbox(ours.notify_path).add("one", "{}")
    said = []
    assert deliver(ours, said.append) == 1
    assert said == ["one: given up: it cannot be connected to, or hung up"]


@pytest.mark.parametrize("status", [408, 429, 500, 503, 302])
def test_these_statuses_are_tried_again(status):
    assert not problem_of(status, "").final


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_these_statuses_are_the_last_word(status):
    assert problem_of(status, "").final


def test_a_receiver_may_ask_for_time():
    assert problem_of(503, "120").pause == 120 and problem_of(503, "Wed, 21 Oct 2026 07:28:00 GMT").pause == 0
    assert problem_of(204, "") is None


def test_a_redirect_is_not_followed(settings):
    with Receiver() as elsewhere, Receiver(302, Location=elsewhere.url) as receiver:
        assert post(settings(receiver.url), MESSAGE).reason == "it answers 302"
        assert elsewhere.attempts == []


def test_another_secret_is_refused(settings):
    with Receiver() as receiver:
        ours = settings(receiver.url).model_copy(update={"notify_secret": SecretStr("another")})
        assert post(ours, MESSAGE) == ("it answers 401", True, 0.0) and len(receiver.refused) == 1


def test_a_receiver_that_answers_byte_by_byte_is_left(settings, monkeypatch):
    """Each byte comes before the limit of one read; the limit of the whole attempt ends it."""
    monkeypatch.setattr(delivery, "ATTEMPT_TIMEOUT", 0.5)
    ended = threading.Event()

    def trickle(listening):
        connection, _ = listening.accept()
        with connection:
            while not ended.wait(0.05):
                connection.sendall(b"H")

    before = signal.getsignal(signal.SIGALRM)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=trickle, args=(listening,))
        thread.start()
        started = time.monotonic()
        problem = post(settings(f"http://127.0.0.1:{listening.getsockname()[1]}"), MESSAGE)
        ended.set()
        thread.join()
    assert problem == ("it does not answer in time", False, 0.0) and time.monotonic() - started < 10
    assert signal.getsignal(signal.SIGALRM) is before


def test_no_problem_says_anything_of_the_url(settings, monkeypatch):
    for error in (requests.ConnectionError, requests.exceptions.InvalidURL, requests.exceptions.SSLError, OSError):

        def fail(*_: object, error=error, **__: object) -> None:
            raise error("http://127.0.0.1/in?token=hunter2")

        monkeypatch.setattr(requests.Session, "post", fail)
        assert "hunter2" not in str(post(settings("http://127.0.0.1/in?token=hunter2"), MESSAGE))


def test_an_address_that_is_none_is_a_problem_that_names_the_setting(settings):
    problem = post(settings("http://hooks..invalid/in?token=hunter2"), MESSAGE)
    assert problem == ("NOTIFY_URL is no address that can be used", False, 0.0)
