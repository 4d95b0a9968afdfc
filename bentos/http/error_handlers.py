"""From an exception to the one shape of error: no page of HTML, no traceback, no echo of what was sent."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from bentos.errors import CallError, error_response
from bentos.store import StoreError

SHOWN = 3  # problems of one call; a list of 1,000 texts may have 1,000

_NAMES = {400: "malformed", 404: "not_found", 405: "method_not_allowed"}

logger = logging.getLogger(__name__)


def add_failures(app: FastAPI) -> None:
    app.add_exception_handler(CallError, _call_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(StoreError, _store)


async def _call_error(request: Request, error: CallError) -> Response:
    return _answer(request, error.status, error.error, error.detail, error.headers)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return error_response(
            request.url.path, 400, "invalid_json", f"the body is not JSON: {problems[0]['ctx']['error']}"
        )
    if _no_json(request, problems):
        return error_response(
            request.url.path, 422, "invalid", "send a JSON object, with the header Content-Type: application/json"
        )
    told = [f"{_where(problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}" for problem in problems[:SHOWN]]
    more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return _answer(request, 422, "invalid", "; ".join(told + more))


def _no_json(request: Request, problems: list[dict]) -> bool:
    """Whether the body was never read as JSON, or is JSON without fields."""
    return problems[0]["loc"] == ("body",) and problems[0]["type"] != "value_error"


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:50] for part in location)


async def _http(request: Request, error: HTTPException) -> Response:
    detail = {
        400: "the body cannot be read: it must be JSON in UTF-8",
        404: f"there is nothing at {request.url.path[:100]}: see /docs",
        405: f"{request.method} is not what {request.url.path[:100]} takes: see /docs",
    }.get(error.status_code, str(error.detail))
    return error_response(
        request.url.path, error.status_code, _NAMES.get(error.status_code, "refused"), detail, error.headers
    )


async def _store(request: Request, error: StoreError) -> Response:
    """The store's own words are for the log, not for callers."""
    logger.error("%r not answered: %s", request.url.path[:100], error)
    return error_response(
        request.url.path,
        503,
        "store_unavailable",
        "the store cannot be reached now, where calls are logged and their log is read: retry",
    )


def _answer(
    request: Request, status: int, error: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    return error_response(request.url.path, status, error, detail, headers)
