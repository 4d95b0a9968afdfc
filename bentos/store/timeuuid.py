"""Version 1 UUIDs: a moment that is also an identity, which sorts a log by time in any store."""

import secrets
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)  # RFC 9562: version 1 counts 100 ns from the Gregorian reform
_NODE = secrets.randbits(48) | 1 << 40  # not the MAC address, which names the machine; multicast bit as the RFC asks
_SEQUENCE = secrets.randbits(14)


def now() -> uuid.UUID:
    """The present moment; two in one process are never the same."""
    return uuid.uuid1(_NODE, _SEQUENCE)


def moment(timeuuid: uuid.UUID) -> datetime:
    """When it was made, in UTC."""
    return _EPOCH + timedelta(microseconds=timeuuid.time // 10)


def microseconds(timeuuid: uuid.UUID) -> int:
    """When it was made, since 1970."""
    return (moment(timeuuid) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def ticks_sql(seconds: str) -> str:
    """SQL for the field `time` of a UUID made at a moment, given as SQL for the seconds since 1970."""
    epoch = (datetime(1970, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1) * 10
    return f"{seconds} * 10000000 + {epoch}"


def hour(timeuuid: uuid.UUID) -> datetime:
    """The start of the hour it was made in, in UTC."""
    return moment(timeuuid).replace(minute=0, second=0, microsecond=0)


def first(moment: datetime) -> uuid.UUID:
    """The first of all that could be made at this moment, in Cassandra's order."""
    ticks = (moment - _EPOCH) // timedelta(microseconds=1) * 10
    low, middle, high = ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0x0FFF | 0x1000
    return uuid.UUID(fields=(low, middle, high, 0x80, 0x80, 0x808080808080))
