"""What the OpenAPI document says beyond the routes themselves."""

from typing import Any

from fastapi import FastAPI

from bentos.http.middleware.authentication import OPEN
from bentos.http.schemas import Error

DESCRIPTION = """
Is a text message spam? Several versions of the model are served side by side.

* A call is answered by the version that it names: in the path, in the query or body as `model_version`, or in the
  header `X-Model-Version`. One that names none is answered by the `champion`, or by another version that is on trial,
  always the same for the same caller. Every answer says which version gave it.
* An answer is stored and given again for the same text and version; `from_cache` says so, `skip_cache` runs the model.
* Every answered call is logged; `/recent_log` shows yours. What was wrong in an answer you may say to `/feedback`, by
  its `id` or by the text: the next training hears of it.
* Every answer has a header `X-Request-ID`, yours if you sent one: whoever runs the service finds the request by it.
* Whatever cannot be answered gets `{"error": ..., "detail": ...}`: a name for programs, a sentence for people.
"""
TAGS = [
    {"name": "predictions", "description": "Up to 1,000 texts a call, each of 1 to 10,000 characters."},
    {"name": "log", "description": "What you asked."},
    {"name": "feedback", "description": "What the answer should have been."},
    {"name": "versions", "description": "What answers."},
    {"name": "Open Inference Protocol", "description": "Version 2, over HTTP and JSON: what KServe and Triton speak."},
    {"name": "service", "description": "For those who run it."},
]
VERSION_HEADER = {
    "parameters": [
        {
            "name": "X-Model-Version",
            "in": "header",
            "description": "a version's number or alias, like `model_version`",
            "schema": {"type": "string"},
        }
    ]
}
_REASONS = {
    400: "The call is malformed, or names two different versions",
    404: "No such version is served, or no such call is yours",
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
    return {status: {"model": Error, "description": _REASONS[status]} for status in statuses}


def add_security(app: FastAPI) -> None:
    """Say in the OpenAPI document where a key is needed."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        document = describe()
        if "security" in document:  # made before: FastAPI keeps it
            return document
        document["components"]["securitySchemes"] = _SECURITY
        document["security"] = [{name: []} for name in _SECURITY]
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if path in OPEN:
                    operation["security"] = []
                else:
                    operation["responses"]["401"] = {"description": _NO_KEY} | _error_of(path)
        return document

    app.openapi = openapi


def _error_of(path: str) -> dict[str, Any]:
    name = "InferenceError" if path.startswith("/v2") else "Error"
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
