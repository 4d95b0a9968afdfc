"""The parts of the OpenAPI document that the routes do not state themselves."""

from typing import Any

from fastapi import FastAPI

from bentos.callers.rights import OPERATE
from bentos.http.context import OPEN_PATHS
from bentos.http.limits import LIST_ANSWER, MAX_DETAIL, ONE_ANSWER
from bentos.http.rights import right_of
from bentos.http.schemas import Error

DESCRIPTION = (
    """
Is a text message spam? Several versions of the model are served side by side.

* A call may name a version by number or alias: in the path, in the query or body as `model_version`, or in the header
  `X-Model-Version`. A call that names none is answered by the `champion`, or by a version on trial, always the same for
  the same caller. What a call names in several places must agree. Every answer names the version that gave it.
* An answer is stored and given again for the same text and version; `from_cache` says so, `skip_cache` runs the model.
* Every answered call is logged; `/recent_log` shows yours. Send the right label of a wrong answer to `/feedback`, with
  the answer's `id` or with the text: the next training can use it.
* Every answer has a header `X-Request-ID`, yours if you sent one: the operator finds the request in the log by it.
* A call that cannot be answered gets `{"error": ..., "detail": ...}`: a name for programs, a sentence for people.
* The largest answers: """
    + f"""a list with `echo_input` {LIST_ANSWER / 1e6:.1f} MB; one text with `echo_input` and
  `explain`, or each version of a comparison, {ONE_ANSWER / 1e3:.0f} kB; an error {MAX_DETAIL:,} characters.
  `/recent_log` is streamed, and as long as what you asked.
"""
)
TAGS = [
    {
        "name": "predictions",
        "description": "Up to 1,000 texts a call, none blank, each of up to 10,000 characters, in all 1,000,000.",
    },
    {"name": "log", "description": "What you asked."},
    {"name": "feedback", "description": "What the answer should have been."},
    {"name": "review", "description": "For reviewers: answered texts that a person is asked about."},
    {"name": "versions", "description": "What answers."},
    {
        "name": "Open Inference Protocol",
        "description": "Version 2, over HTTP, with JSON and binary tensors: what KServe and Triton speak.",
    },
    {"name": "service", "description": "For those who run it."},
]
VERSION_HEADER_PARAMETER = {
    "parameters": [
        {
            "name": "X-Model-Version",
            "in": "header",
            "description": "a version's number or alias, like `model_version`",
            "schema": {"type": "string"},
        }
    ]
}
_ERRORS = {
    400: "The call is malformed, or names two different versions",
    403: "The caller has not the right that this needs",
    404: "No such version is served, or no such call is yours",
    409: "Another reviewer has decided on it, or it has no label yet",
    413: "The body is too large",
    429: "The caller has sent too many, where that is limited; `Retry-After` says when to go on",
    422: "A field is missing, unknown, or has a value that cannot be used",
    503: "It cannot be answered now: no version is promoted, the call cannot be logged, or too many are being answered",
}
_NO_KEY = "No API key was sent, or an unknown one"
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "the same, in another header"},
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of a route."""
    return {status: {"model": Error, "description": _ERRORS[status]} for status in statuses}


def add_security(app: FastAPI, protect_operations: bool) -> None:
    """State in the OpenAPI document which operations need a key, and with which right."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        if "security" in document:  # FastAPI returns the same document at every call
            return document
        document["components"]["securitySchemes"] = _SECURITY
        document["security"] = [{name: []} for name in _SECURITY]
        for path, operations in document["paths"].items():
            right = right_of(path, protect_operations)
            for operation in operations.values():
                if path in OPEN_PATHS and right != OPERATE:
                    operation["security"] = []
                else:
                    operation["responses"] |= _access_errors(path, right)
        return document

    app.openapi = openapi


def _access_errors(path: str, right: str | None) -> dict[str, Any]:
    """What is answered without a valid key, or with one that has not the right."""
    described = {"401": _NO_KEY} | ({"403": f"The key has not the right `{right}`"} if right else {})
    return {status: {"description": text} | _error_content(path) for status, text in described.items()}


def _error_content(path: str) -> dict[str, Any]:
    name = "InferenceError" if path.startswith("/v2") else "Error"
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
