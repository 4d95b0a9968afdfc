"""The service's state: for people, load balancers and Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from bentos.callers.rights import in_order
from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.context import caller_of, rights_of, service_of
from bentos.http.gauges import update_gauges
from bentos.http.openapi import errors
from bentos.http.pages import page, wants_page
from bentos.http.problems import told
from bentos.http.responses import json_response
from bentos.store import Store

router = APIRouter(tags=["service"])


@router.get("/", summary="What this service is", response_model=schemas.Root)
async def root(request: Request) -> Response:
    if wants_page(request.headers):
        return page("index.html")
    service = service_of(request)
    served = service.served
    content = {
        "api_name": service.api_name,
        "store": _store_json(request, service.store),
        "caller_id": caller_of(request),
        "rights": in_order(rights_of(request)),
        "default": served.default.number if served.default else None,
        "versions": [version.number for version in served.versions],
        "started_at": service.started_at.isoformat(timespec="seconds"),
        "problems": list(dict.fromkeys(told(request, problem) for problem in service.problems)),
    }
    if any(version.mock for version in served.versions):
        content["mock"] = True
    return json_response(content)


def _store_json(request: Request, store: Store) -> dict[str, Any]:
    state = store.state()
    error = {"error": told(request, state["error"])} if state.get("error") else {}
    return {"name": store.name, **state, **error}


@router.head("/healthz", include_in_schema=False)  # where BentoML has it
@router.get("/healthz", include_in_schema=False)
@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="The process answers", response_model=schemas.Health)
async def livez() -> Response:
    return json_response({"status": "alive"})


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    summary="Calls that name no version can be answered",
    response_model=schemas.Health,
    responses=errors(503),
)
async def readyz(request: Request) -> Response:
    if problem := service_of(request).why_not_ready:
        raise CallError("not_ready", problem)
    return json_response({"status": "ready"})


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    service = service_of(request)
    update_gauges(service)
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)
