"""What BentoML's own clients and tools ask of a service: its schema and a native method.

Requests do not pass BentoML's own application (see `bentos.service`), so these routes take its place.
"""

from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from bentos.http import schemas
from bentos.http.calls import answer_list
from bentos.http.context import service_of
from bentos.http.responses import json_response
from bentos.http.routes.predictions import MANY, VersionInQuery

METHOD = "classify"

router = APIRouter()


@router.post(
    f"/{METHOD}",
    tags=["predictions"],
    summary="Classify a list of texts, for BentoML's own clients",
    **MANY,
)
async def classify(request: Request, body: schemas.ClassifyRequest, query: VersionInQuery) -> Response:
    return await answer_list(request, body)


@router.get("/schema.json", include_in_schema=False)
async def schema(request: Request) -> Response:
    """The service in BentoML's own format, from which its clients make their methods."""
    paths = {path: {"mounted": path != f"/{METHOD}"} for path in request.app.openapi()["paths"]}
    head = {"name": service_of(request).api_name, "type": "service", "description": "Is a text message spam?"}
    return json_response(head | {"routes": [_method()], "paths": paths})


@router.get("/docs.json", include_in_schema=False)
async def docs(request: Request) -> Response:
    """The OpenAPI document, where BentoML has it."""
    return json_response(request.app.openapi())


@cache
def _method() -> dict[str, Any]:
    description = "Classify a list of texts, or one text; the answers are a list in the same order."
    return {
        "name": METHOD,
        "route": f"/{METHOD}",
        "doc": description,
        "description": description,
        "batchable": False,
        "input": schemas.ClassifyRequest.model_json_schema() | {"title": "Input"},
        "output": TypeAdapter(list[schemas.Prediction]).json_schema(),
        "is_task": False,
    }
