"""Predictions as JSON. Written straight from plain dictionaries: validating what is known to be right costs time."""

from typing import Any

import orjson
from fastapi import Response

from bentos.answering.predictor import Answer
from bentos.versions.loaded import Loaded

HEADER = "X-Model-Version"


def json_response(content: Any, version: str | None = None, status: int = 200) -> Response:
    headers = {HEADER: version} if version else None
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def told(version: Loaded, answer: Answer, echo_input: bool) -> dict[str, Any]:
    """An answer in the shape of `schemas.Prediction`."""
    top = {"label": answer.label, "value": answer.prediction[answer.label]}
    out: dict[str, Any] = {"prediction": answer.prediction, "top": top}
    if echo_input:
        out["input"] = answer.input
    out["from_cache"] = answer.from_cache
    out["model_version"] = version.number
    out["id"] = answer.id
    if version.mock:
        out["mock"] = True
    return out
