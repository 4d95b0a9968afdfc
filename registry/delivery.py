"""Delivers the notifications that wait in the outbox, in their order, each until the receiver has taken it.

The signature is that of MLflow's webhooks, so a receiver that checks those checks these. Delivery is at least once: a
process that is killed between the receiver's answer and its own note sends the message again, with the same id.
"""

import base64
import hashlib
import hmac
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import NamedTuple

from registry.outbox import DAY, GIVEN_UP, SENT, Notification, Outbox
from registry.settings import RegistrySettings

ID, TIMESTAMP, SIGNATURE = "X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature"
CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPT_TIMEOUT = 5, 10, 30  # seconds; the last is of the whole attempt
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 600.0  # seconds between two attempts
PATIENCE = 3 * DAY  # after which a message is given up
LOOK_EVERY = 1.0  # seconds, in a pause, between two looks at whether a newer process wants to deliver
RETRIED = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
)  # of 4xx; any other one is final


class Problem(NamedTuple):
    """Why the receiver did not take a message; `final` where it never will, `pause` the seconds that it asks for."""

    reason: str
    final: bool = False
    pause: float = 0.0


def deliver(settings: RegistrySettings, say: Callable[[str], None] = print) -> int:
    """Deliver until nothing waits, or a newer process takes over. Returns how many messages were given up.

    Raises OutboxError.
    """
    outbox, given_up, pause = Outbox(settings.notify_path), 0, SHORTEST_PAUSE
    if not outbox.waiting():
        return 0
    with outbox.delivering() as still:
        while still() and (message := outbox.oldest()):
            problem = post(settings, message)
            if problem is None:
                outbox.close(message, SENT)
                say(f"{message.kind}: sent")
                pause = SHORTEST_PAUSE
            elif problem.final or time.time() - message.created_at > PATIENCE:
                outbox.close(message, GIVEN_UP, problem.reason)
                say(f"{message.kind}: given up: {problem.reason}")
                given_up += 1
            else:
                outbox.close(message, problem=problem.reason)
                seconds = max(pause * random.uniform(0.5, 1), min(problem.pause, LONGEST_PAUSE))
                say(f"{message.kind}: {problem.reason}; again in {seconds:.0f} s")
                _pause(seconds, still)
                pause = min(2 * pause, LONGEST_PAUSE)
        if not still():
            say("a newer process delivers what waits")
    return given_up


def post(settings: RegistrySettings, message: Notification) -> Problem | None:
    """Send the message once; None where the receiver took it. No part of NOTIFY_URL is in the problem."""
    import requests  # here: its import would slow every command down

    try:
        with _within(ATTEMPT_TIMEOUT), requests.Session() as session:
            answer = session.post(
                settings.notify_url.get_secret_value(),
                data=message.body.encode(),
                headers=headers(settings.notify_secret.get_secret_value(), message, int(time.time())),
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                stream=True,  # its body is not read
            )
            answer.close()
    except requests.exceptions.SSLError:
        return Problem("its certificate or its TLS is not accepted")
    except (requests.Timeout, TimeoutError):
        return Problem("it does not answer in time")
    except OSError:  # every other error of requests, whose texts have the URL in them
        return Problem("it cannot be connected to, or hung up")
    except ValueError:  # of urllib3, for a host that is no name
        return Problem("NOTIFY_URL is no address that can be used")
    return problem_of(answer.status_code, answer.headers.get("Retry-After", ""))


def headers(secret: str, message: Notification, timestamp: int) -> dict[str, str]:
    """The headers of MLflow's webhooks: id, time in seconds since 1970, and HMAC-SHA256 over both and the body.

    The time is the attempt's, so that a receiver that refuses old messages takes one that has waited.
    """
    signed = f"{message.id}.{timestamp}.{message.body}".encode()
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        ID: message.id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: f"v1,{base64.b64encode(digest).decode()}",
    }


def problem_of(status: int, retry_after: str) -> Problem | None:
    """What an answer's status, and its header Retry-After in seconds, mean."""
    if 200 <= status < 300:
        return None
    final = 400 <= status < 500 and status not in RETRIED
    return Problem(f"it answers {status}", final, float(retry_after) if retry_after.isdecimal() else 0.0)


def _pause(seconds: float, still: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while still() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_EVERY))


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError when the block takes longer; in the main thread only.

    A receiver that sends a byte now and then meets every other limit.
    """
    handler = signal.signal(signal.SIGALRM, _time_is_up)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, handler)


def _time_is_up(*_: object) -> None:
    raise TimeoutError
