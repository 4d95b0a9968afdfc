"""The follower's care for notifications: it has delivered what waits in the outbox of this service's settings.

A command starts their delivery itself. The follower starts it where that process was killed, or the machine was off.
"""

import logging
import time

from bentos.settings import Settings
from registry.notify import start_delivery
from registry.outbox import Outbox, OutboxError

PAUSE = 60.0  # seconds between two starts: a delivery that cannot even start must not be started at every poll

logger = logging.getLogger(__name__)


class Courier:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._outbox = Outbox(settings.notify_path)
        self._next_start = 0.0
        self._last_lost = 0
        self._problem = ""

    def look(self) -> None:
        """Start a delivery where something waits and none runs; log what was given up, and a problem once."""
        if not self._settings.notify_url.get_secret_value():
            return
        try:
            self._start_where_needed()
            self._log_given_up()
            problem = ""
        except (OutboxError, OSError) as error:
            problem = str(error)
            if problem != self._problem:
                logger.warning("the notifications that wait cannot be looked for: %s", problem)
        self._problem = problem

    def _start_where_needed(self) -> None:
        due = time.monotonic() >= self._next_start
        if due and self._outbox.waiting() and not self._outbox.is_delivered_now():
            self._next_start = time.monotonic() + PAUSE
            start_delivery(self._settings)

    def _log_given_up(self) -> None:
        for lost in self._outbox.given_up():
            if lost.number > self._last_lost:
                logger.warning("the notification %s was given up: %s", lost.kind, lost.problem)
                self._last_lost = lost.number
