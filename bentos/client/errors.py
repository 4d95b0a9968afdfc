"""Why a call has no answer. Each error is a ClientError."""

import httpx


class ClientError(Exception):
    pass


class Unreachable(ClientError):
    """The service could not be reached, or its answer did not arrive in time: perhaps it has answered the call."""


class UnexpectedAnswer(ClientError):
    """What came back is no answer of this service."""


class Refused(ClientError):
    """The service, or a proxy in front of it, refused the call.

    `reason` is a name for programs ("unknown_version"), `detail` a sentence for people; the operator finds the request
    in the service's log by `request_id`. `retry_after` is the number of seconds after which the call may succeed.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.reason, self.detail = _told(response)
        self.request_id = response.headers.get("X-Request-ID")
        self.retry_after = retry_after(response)
        super().__init__(f"{self.status} {self.reason}: {self.detail}")


class InvalidCall(Refused):
    """The call is wrong, and will be refused again: a blank text, an unknown label, too many characters."""


class NotAllowed(Refused):
    """The API key is missing or not known."""


class MissingRight(NotAllowed):
    """The API key has not the right that the call needs; `detail` names it."""


class NotFound(Refused):
    """There is no such version, or no such call of yours."""


class TooManyCalls(Refused):
    """You have sent more than RATE_LIMIT allows."""


class Unavailable(Refused):
    """The service cannot answer now."""


KINDS = {401: NotAllowed, 403: MissingRight, 404: NotFound, 429: TooManyCalls}


def refusal(response: httpx.Response) -> Refused:
    """The error of a response that is no success."""
    kind = KINDS.get(response.status_code, Unavailable if response.status_code >= 500 else InvalidCall)
    return kind(response)


def retry_after(response: httpx.Response) -> int | None:
    """The header Retry-After in seconds, the form that the service and nginx give it."""
    value = response.headers.get("Retry-After", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _told(response: httpx.Response) -> tuple[str, str]:
    """The reason and the detail, also where a proxy answered with a page."""
    try:
        body = response.json()
        return str(body["error"]), str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return "refused", f"the answer has the status {response.status_code} and no reason"
