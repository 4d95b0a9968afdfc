"""What is served."""

from typing import Any

from fastapi import APIRouter, Request, Response

from bentos.answering.routing import named
from bentos.http import schemas
from bentos.http.openapi import errors
from bentos.http.responses import json_response
from bentos.http.routes.predictions import VersionInPath
from bentos.http.state import state_of
from bentos.versions.loaded import Loaded, Served

router = APIRouter(tags=["versions"])


@router.get("/versions", summary="The versions that are served", response_model=schemas.Versions)
async def versions(request: Request) -> Response:
    state = state_of(request)
    served = state.served
    return json_response(
        {
            "default": served.default.number if served.default else None,
            "versions": [_about(version, served) for version in served.versions],
            "refused": [{"model_version": r.number, "aliases": r.aliases, "why": r.why} for r in served.refused],
            "routing": {"shares": served.routing.shares, "shadow": served.routing.shadow},
            "registry": state.following.about() if state.following else None,
        }
    )


@router.get(
    "/versions/{ref}", summary="One version", response_model=schemas.ServedVersion, responses=errors(404, 422, 503)
)
async def version(request: Request, ref: VersionInPath) -> Response:
    served = state_of(request).served
    found = named(served, [ref])
    return json_response(_about(found, served), found.number)


def _about(version: Loaded, served: Served) -> dict[str, Any]:
    """A version in the shape of `schemas.ServedVersion`."""
    about = {
        "model_version": version.number,
        "aliases": version.aliases,
        "default": version is served.default,
        "labels": version.model.labels,
        **version.about,
    }
    return about | ({"mock": True} if version.mock else {})
