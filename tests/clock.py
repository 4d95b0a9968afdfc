"""A clock for tests that log calls and then look for all of them in the log of one hour."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bentos.store import timeuuid


@pytest.fixture
def half_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """`timeuuid.now` goes on from half past the hour, so that no new hour begins during the test."""
    now = datetime.now(UTC)
    ahead = now.replace(minute=30, second=0, microsecond=0) - now
    monkeypatch.setattr(timeuuid, "now", _shifted(timeuuid.now, ahead))


def _shifted(clock: Callable[[], uuid.UUID], ahead: timedelta) -> Callable[[], uuid.UUID]:
    """The same clock, ahead of itself; still no two of its moments are the same."""
    ticks = ahead // timedelta(microseconds=1) * 10

    def now() -> uuid.UUID:
        made = clock()
        time = made.time + ticks
        fields = (time & 0xFFFFFFFF, time >> 32 & 0xFFFF, time >> 48 & 0x0FFF | 0x1000)
        return uuid.UUID(fields=(*fields, *made.fields[3:]))

    return now
