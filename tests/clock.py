"""The full hour, for what logs calls and then looks for all of them in the log of one hour."""

import time


def within_the_hour(seconds: float = 90) -> None:
    """Return while so much of an hour, less than all of it, is left: at once, or when the next hour has begun."""
    while (left := 3_600 - time.time() % 3_600) < seconds:
        time.sleep(left)
