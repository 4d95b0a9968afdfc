"""GET /versions: what is served, what was refused, and the routing; and the report of a version."""

from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from bentos.answering.routing import named
from bentos.errors import CallError
from bentos.http import policies, schemas
from bentos.http.context import service_of
from bentos.http.openapi import errors
from bentos.http.pages import page, wants_page
from bentos.http.problems import told
from bentos.http.responses import VERSION_HEADER, json_response
from bentos.http.routes.predictions import VersionInPath
from bentos.versions.following.watcher import StateWatcher
from bentos.versions.loaded import LoadedVersion, RefusedVersion, ServedVersions

router = APIRouter(tags=["versions"])

REPORT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/versions", summary="The versions that are served", response_model=schemas.Versions)
async def versions(request: Request) -> Response:
    if wants_page(request.headers):
        return page("versions.html")
    service = service_of(request)
    served = service.served
    return json_response(
        {
            "default": served.default.number if served.default else None,
            "versions": [_version_json(request, version, served) for version in served.versions],
            "refused": [_refused_json(request, version) for version in served.refused],
            "routing": {"shares": served.routing.shares, "shadow": served.routing.shadow},
            "registry": _registry_json(request, service.watcher) if service.watcher else None,
        }
    )


@router.get(
    "/versions/{ref}", summary="One version", response_model=schemas.ServedVersion, responses=errors(404, 422, 503)
)
async def version(request: Request, ref: VersionInPath) -> Response:
    served = service_of(request).served
    loaded = named(served, [ref])
    return json_response(_version_json(request, loaded, served), loaded.number)


@router.get(
    "/versions/{ref}/report",
    summary="The report of a version, as one HTML page",
    response_class=Response,
    responses=REPORT | errors(404, 422, 503),
)
async def report(request: Request, ref: VersionInPath) -> Response:
    loaded = named(service_of(request).served, [ref])
    content = await to_thread.run_sync(_read, loaded) if loaded.report else None
    if content is None:
        raise CallError("no_report", f"version {loaded.number} has no report")
    headers = {VERSION_HEADER: loaded.number, "Content-Security-Policy": policies.REPORT}
    return HTMLResponse(content, headers=headers)


def _read(loaded: LoadedVersion) -> bytes | None:
    """The report; None where it was deleted since the version was loaded."""
    try:
        return loaded.report.read_bytes()
    except OSError:
        return None


def _version_json(request: Request, loaded: LoadedVersion, served: ServedVersions) -> dict[str, Any]:
    """A version in the shape of `schemas.ServedVersion`."""
    version = loaded.version
    content = {
        "model_version": version.number,
        "aliases": version.aliases,
        "default": loaded is served.default,
        "labels": loaded.model.labels,
        "variant": version.variant,
        "source_problem": told(request, loaded.source_problem) or None,
        "stand_in": version.stand_in or None,
    }
    if loaded.mock:
        return content | {"mock": True}
    report = f"/versions/{version.number}/report" if loaded.report else None
    created_at = version.created_at.isoformat(timespec="seconds")
    return content | {"digest": version.digest, "created_at": created_at, "metrics": version.metrics, "report": report}


def _refused_json(request: Request, version: RefusedVersion) -> dict[str, Any]:
    """A version in the shape of `schemas.RefusedVersion`."""
    return {"model_version": version.number, "aliases": version.aliases, "why": told(request, version.problem)}


def _registry_json(request: Request, watcher: StateWatcher) -> dict[str, str | None]:
    """The registry's state in the shape of `schemas.RegistryState`."""
    read_at = watcher.state.read_at
    return {
        "read_at": read_at and read_at.isoformat(timespec="seconds"),
        "why_stale": told(request, watcher.why_stale),
    }
