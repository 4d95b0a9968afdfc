"""When a call is sent again: only where the service has not begun to answer it, or says itself when to retry."""

from dataclasses import dataclass

import httpx

from bentos.client.errors import retry_after

RETRIED = (429, 503)
FIRST_PAUSE = 0.1  # seconds, after a connection that failed; each further pause is twice as long


@dataclass(frozen=True)
class Retries:
    """A call is sent up to `times` times again; a pause of more than `longest_pause` seconds is not waited for."""

    times: int = 3
    longest_pause: float = 30.0

    def pause(self, retries: int, outcome: httpx.Response | httpx.RequestError) -> float | None:
        """Seconds until the call is sent again, after so many `retries`; None where it is not."""
        if retries >= self.times:
            return None
        if isinstance(outcome, httpx.Response):
            pause = retry_after(outcome) if outcome.status_code in RETRIED else None
        else:  # where no connection was made, the service has not seen the call
            no_connection = isinstance(outcome, (httpx.ConnectError, httpx.ConnectTimeout))
            pause = FIRST_PAUSE * 2**retries if no_connection else None
        return pause if pause is not None and pause <= self.longest_pause else None
