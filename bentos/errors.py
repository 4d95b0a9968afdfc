"""Why a call cannot be answered. Which HTTP status each reason gets is a matter of `bentos.http.responses`."""


class CallError(Exception):
    """A call that is refused.

    `reason` names the cause to a program, `detail` explains it to a person, `retry_after` is the number of seconds
    after which the same call may succeed, and `right` is the one that the caller's key lacks.
    """

    def __init__(self, reason: str, detail: str, retry_after: int | None = None, right: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after
        self.right = right
