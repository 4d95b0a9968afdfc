"""Answers as JSON, and errors in their one shape.

Answers are written straight from plain dictionaries: validating values that are known to be right costs time.
"""

import re
from typing import Any

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send

from bentos.answering.predictor import Answer
from bentos.errors import CallError
from bentos.http.limits import MAX_DETAIL
from bentos.versions.loaded import LoadedVersion

_PATH = re.compile(r"(?:/[^\s/:;,'\"]+)+/([^\s/:;,'\"]+)")
VERSION_HEADER = "X-Model-Version"

STATUS = {  # of each reason that a CallError can have
    "invalid_binary": 400,
    "invalid_encoding": 400,
    "no_explanation": 400,
    "read_only": 400,
    "version_conflict": 400,
    "no_key": 401,
    "wrong_key": 401,
    "no_right": 403,
    "no_report": 404,
    "unknown_id": 404,
    "unknown_model": 404,
    "unknown_version": 404,
    "too_slow": 408,
    "already_decided": 409,
    "not_labelled": 409,
    "too_large": 413,
    "too_many": 413,
    "unknown_label": 422,
    "too_often": 429,
    "caller_gone": 499,  # nobody reads it; the code is nginx's
    "internal": 500,
    "not_ready": 503,
    "overloaded": 503,
    "store_unavailable": 503,
    "timed_out": 503,
    "version_refused": 503,
}
_CHALLENGES = {  # the header WWW-Authenticate where another API key would help (RFC 6750)
    "no_key": 'Bearer realm="sms-spam"',
    "wrong_key": 'Bearer realm="sms-spam", error="invalid_token"',
}


def without_folders(text: str) -> str:
    """The text with only the last part of each path: callers learn nothing of the machine; the log has it whole."""
    return _PATH.sub(r"\1", text)


def shown(problem: str) -> str:
    """A problem as callers read it: without folders, and not longer than MAX_DETAIL."""
    return shortened(without_folders(problem))


def shortened(text: str) -> str:
    return text if len(text) <= MAX_DETAIL else f"{text[: MAX_DETAIL - 1]}…"


def json_response(content: Any, version: str | None = None) -> Response:
    """`version` is the number of the version that answered."""
    headers = {VERSION_HEADER: version} if version else None
    return Response(orjson.dumps(content), headers=headers, media_type="application/json")


def prediction_json(version: LoadedVersion, answer: Answer, echo_input: bool) -> dict[str, Any]:
    """An answer in the shape of `schemas.Prediction`."""
    top = {"label": answer.label, "value": answer.probability}
    content: dict[str, Any] = {"prediction": answer.prediction, "top": top, "verdict": answer.verdict}
    if answer.unfamiliar:
        content["unfamiliar"] = True
    if echo_input:
        content["input"] = answer.input
    content["from_cache"] = answer.from_cache
    content["source"] = answer.source
    content["model_version"] = version.number
    content["id"] = answer.id
    if version.mock:
        content["mock"] = True
    return content


def error_response(path: str, status: int, reason: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The Open Inference Protocol, under /v2, has an error shape of its own, and one status for every wrong call."""
    detail = detail.encode(errors="backslashreplace").decode()  # it may quote half a surrogate pair, which is no UTF-8
    detail = shortened(detail)
    body = {"error": reason, "detail": detail}
    if path == "/v2" or path.startswith("/v2/"):
        status, body = 400 if status == 422 else status, {"error": detail}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


def call_error_response(path: str, error: CallError) -> Response:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if challenge := _challenge(error):
        headers["WWW-Authenticate"] = challenge
    return error_response(path, STATUS[error.reason], error.reason, without_folders(error.detail), headers)


def _challenge(error: CallError) -> str | None:
    if error.right:
        return f'Bearer realm="sms-spam", error="insufficient_scope", scope="{error.right}"'
    return _CHALLENGES.get(error.reason)


async def refuse(scope: Scope, receive: Receive, send: Send, error: CallError) -> None:
    """Answer a request from within a middleware."""
    await call_error_response(scope["path"], error)(scope, receive, send)
