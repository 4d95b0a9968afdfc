"""What the service says of itself: to people, to load balancers and to Prometheus."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from prometheus_client import CONTENT_TYPE_LATEST

from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.middleware.authentication import caller_id
from bentos.http.openapi import errors
from bentos.http.responses import json_response
from bentos.http.state import state_of
from bentos.monitoring.gauges import look

PAGE = Path(__file__).parents[2] / "web"

router = APIRouter(tags=["service"])


@router.get("/", summary="What this service is", response_model=schemas.Root)
async def root(request: Request) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return FileResponse(PAGE / "index.html", headers={"Vary": "Accept"})
    state = state_of(request)
    about = {
        "api_name": state.api_name,
        "store": {"name": state.store.name, **state.store.state()},
        "caller_id": caller_id(request),
        "default": state.served.default.number if state.served.default else None,
        "versions": [version.number for version in state.served.versions],
        "started_at": state.started_at.isoformat(timespec="seconds"),
    }
    return json_response(about | ({"mock": True} if any(v.mock for v in state.served.versions) else {}))


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
    if why := state_of(request).why_not_ready_openly:
        raise CallError(503, "not_ready", why)
    return json_response({"status": "ready"})


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
async def metrics(request: Request) -> Response:
    state = state_of(request)
    look(state)
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
