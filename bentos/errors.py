"""What a call is answered when it cannot be answered: an HTTP status, a name and a sentence.

The Open Inference Protocol, under /v2, has a shape of its own for it, and one status for whatever is wrong with a call.
"""

from collections.abc import Mapping

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send


class CallError(Exception):
    """A call that gets no prediction. `error` names the reason to a program, `detail` says it to a person."""

    def __init__(self, status: int, error: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.error = error
        self.detail = detail
        self.headers = headers


def error_response(path: str, status: int, error: str, detail: str, headers: Mapping | None = None) -> Response:
    told = detail.encode(errors="backslashreplace").decode()  # half a surrogate pair, named by a caller, is no UTF-8
    body = {"error": error, "detail": told}
    if path == "/v2" or path.startswith("/v2/"):
        status, body = 400 if status == 422 else status, {"error": told}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


async def refuse(scope: Scope, receive: Receive, send: Send, error: CallError) -> None:
    """The answer of a middleware that lets a call go no further."""
    response = error_response(scope["path"], error.status, error.error, error.detail, error.headers)
    await response(scope, receive, send)
