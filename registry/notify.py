"""Tell NOTIFY_URL what happens: `notify(kind, details)` writes a notification to the outbox and returns.

A process of its own delivers it, `python -m registry notify`, so that no command waits for the receiver. A command that
cannot write the outbox says so and goes on: what it has done stands.

The body has the shape of MLflow's webhooks: entity, action (the kind), timestamp, and data with the model's name and
the details.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from registry.outbox import Outbox, OutboxError
from registry.settings import RegistrySettings
from registry.user import user

PROMOTE, REFUSE, ROLLBACK = "promote", "refuse", "rollback"
ROLLOUT_STEP, ROLLOUT_STOP = "rollout_step", "rollout_stop"
VALIDATION_FAILED, DRIFT = "validation_failed", "drift"
RETRAINED, RETRAINING_FAILED = "retrained", "retraining_failed"
ENTITY = "registered_model"


def notify(kind: str, details: Mapping[str, Any], once_a_day: str = "") -> None:
    """Tell the receiver; nothing is done where there is none. It takes milliseconds and raises nothing.

    `details` become JSON: figures and names, never a text that somebody sent to be classified. A second notification of
    the same kind and with the same `once_a_day` is left out for 24 hours.
    """
    try:
        settings = RegistrySettings()
        if not settings.notify_url.get_secret_value():
            return
        outbox = Outbox(settings.notify_path)
        if outbox.add(kind, body(settings.model_name, kind, details), once_a_day):
            start_delivery(settings)
        lost = len(outbox.given_up())
    except (OutboxError, OSError, TypeError, ValueError) as error:  # ValidationError is a ValueError
        reason = _first_problem(error) if isinstance(error, ValidationError) else error
        return _say(f"{kind} cannot be told to NOTIFY_URL: {reason}")
    if lost:
        _say(f"{lost} earlier notifications were given up; `python -m registry notify` says why")


def body(model_name: str, kind: str, details: Mapping[str, Any]) -> str:
    """The JSON that the receiver gets. Raises TypeError, ValueError where the details are none."""
    now = datetime.now(UTC).isoformat()
    data = {"name": model_name, "by": user() or "unknown", **details}
    return json.dumps({"entity": ENTITY, "action": kind, "timestamp": now, "data": data}, allow_nan=False)


def start_delivery(settings: RegistrySettings) -> None:
    """Start a process that delivers what waits, with these settings; it goes on when this process has ended."""
    variables = {
        "NOTIFY_URL": settings.notify_url.get_secret_value(),
        "NOTIFY_SECRET": settings.notify_secret.get_secret_value(),
        "NOTIFY_PATH": str(settings.notify_path.absolute()),
    }
    subprocess.Popen(
        [sys.executable, "-m", "registry", "notify"],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # neither Ctrl-C nor a closed terminal ends it
    )


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])).upper(), first["msg"])))


def _say(sentence: str) -> None:
    print(f"notice: {sentence}", file=sys.stderr)
