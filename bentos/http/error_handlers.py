"""Turns every exception into an error of the one shape: no HTML, no traceback, nothing of what was sent."""

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from bentos.errors import CallError
from bentos.http.responses import call_error_response, error_response
from bentos.monitoring.logs import Throttle
from bentos.store import StoreError

COMPLAIN_EVERY = 10.0  # seconds: while the store is away every call is refused
SHOWN_PROBLEMS = 3  # of one call; a list of 1,000 texts may have 1,000
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_REASONS = {400: "malformed", 404: "not_found", 405: "method_not_allowed"}

_may_complain = Throttle(COMPLAIN_EVERY)
logger = logging.getLogger(__name__)


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(CallError, _call_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(StoreError, _store_error)


async def _call_error(request: Request, error: CallError) -> Response:
    return call_error_response(request.url.path, error)


async def _validation_error(request: Request, error: RequestValidationError) -> Response:
    path, problems = request.url.path, error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return error_response(path, 400, "invalid_json", f"the body is not JSON: {problems[0]['ctx']['error']}")
    if _is_no_json_object(problems):
        detail = "send a JSON object, with the header Content-Type: application/json"
        return error_response(path, 422, "invalid", detail)
    lines = [f"{_field(problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}" for problem in problems]
    more = [f"and {len(lines) - SHOWN_PROBLEMS} more"] if len(lines) > SHOWN_PROBLEMS else []
    return error_response(path, 422, "invalid", "; ".join(lines[:SHOWN_PROBLEMS] + more))


def _is_no_json_object(problems: list[dict]) -> bool:
    """Whether the body was not read as JSON because of its Content-Type, or is JSON without fields."""
    of_an_object = ("value_error", "union_tag_invalid", "union_tag_not_found")  # a field that tells the kind of object
    return problems[0]["loc"] == ("body",) and problems[0]["type"] not in of_an_object


def _field(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:50] for part in location)


async def _http_exception(request: Request, error: HTTPException) -> Response:
    path, status = request.url.path, error.status_code
    detail = {
        400: "the body cannot be read: it must be JSON in UTF-8",
        404: f"there is nothing at {path[:100]}: see /docs",
        405: f"{request.method} is not what {path[:100]} takes: see /docs",
    }.get(status, str(error.detail))
    headers = {"Allow": ", ".join(_allowed(request))} if status == 405 else error.headers
    return error_response(path, status, _REASONS.get(status, "refused"), detail, headers)


def _allowed(request: Request) -> list[str]:
    """The methods that any route of the path takes; the framework names those of the first. A file has GET and HEAD."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    scopes = [{**request.scope, "method": method} for method in METHODS]
    allowed = [scope["method"] for scope in scopes if any(route.matches(scope)[0] == Match.FULL for route in routes)]
    return allowed or ["GET", "HEAD"]


async def _store_error(request: Request, error: StoreError) -> Response:
    """The store's own message is for the log, not for callers."""
    if _may_complain():
        logger.error("%r not answered, and perhaps others: %s", request.url.path[:100], error)
    detail = "the store cannot be reached now, where calls are logged and their log is read: retry"
    return call_error_response(request.url.path, CallError("store_unavailable", detail))
