"""The Open Inference Protocol over HTTP, for those clients that speak it: KServe's, Triton's and others."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from bentos.answering.routing import choose, named, routed
from bentos.errors import CallError
from bentos.http.middleware.authentication import caller_id
from bentos.http.oip import schemas
from bentos.http.responses import HEADER, json_response
from bentos.http.state import state_of
from bentos.versions.loaded import Loaded

SERVER = "/v2"
MODEL = "/v2/models/{name}"
VERSION = MODEL + "/versions/{version}"
BINARY = "Inference-Header-Content-Length"


def _errors(*statuses: int) -> dict:
    return {status: {"model": schemas.InferenceError} for status in statuses}


def _known_model(request: Request, name: Annotated[str, Path(description="the registered model")]) -> None:
    served = state_of(request).model_name
    if name != served:
        raise CallError(404, "unknown_model", f"no model {name[:50]!r} is served; there is: {served}")


async def _infer_request(request: Request) -> schemas.InferRequest:
    """The body, whatever its Content-Type: the protocol asks for none, and Triton's client sends none."""
    if BINARY in request.headers:  # then the body is JSON and raw tensors in one
        raise CallError(400, "no_binary_data", schemas.NO_BINARY)
    try:
        return schemas.InferRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from None


BODY = {"required": True, "content": {"application/json": {"schema": schemas.request_schema()}}}
INFER = {
    "response_model": schemas.InferResponse,
    "responses": _errors(400, 404, 413, 429, 503),
    "openapi_extra": {"requestBody": BODY},
}
router = APIRouter(tags=["Open Inference Protocol"])
model = APIRouter(tags=["Open Inference Protocol"], dependencies=[Depends(_known_model)])


@router.get(SERVER, summary="The server", response_model=schemas.ServerMetadata)
async def server(request: Request) -> Response:
    return json_response({"name": state_of(request).api_name, "version": "1", "extensions": []})


@router.get(SERVER + "/health/live", summary="The process answers")
async def live() -> Response:
    return json_response({"live": True})


@router.get(SERVER + "/health/ready", summary="The model can be asked", responses=_errors(503))
async def ready(request: Request) -> Response:
    if why := state_of(request).why_not_ready_openly:
        raise CallError(503, "not_ready", why)
    return json_response({"ready": True})


@model.get(MODEL, summary="The model", response_model=schemas.ModelMetadata, responses=_errors(404, 503))
@model.get(VERSION, summary="A version of the model", response_model=schemas.ModelMetadata, responses=_errors(404, 503))
async def metadata(request: Request, name: str, version: str | None = None) -> Response:
    found = _found(request, version)
    numbers = [v.number for v in state_of(request).served.versions]
    return json_response(schemas.described(name, numbers, found), found.number)


@model.get(MODEL + "/ready", summary="The model can be asked", responses=_errors(404, 503))
@model.get(VERSION + "/ready", summary="The version can be asked", responses=_errors(404, 503))
async def model_ready(request: Request, name: str, version: str | None = None) -> Response:
    found = _found(request, version)
    return json_response({"name": name, "ready": True}, found.number)


@model.post(MODEL + "/infer", summary="Classify texts", **INFER)
@model.post(VERSION + "/infer", summary="Classify texts with this version", **INFER)
async def infer(
    request: Request,
    name: str,
    call: Annotated[schemas.InferRequest, Depends(_infer_request)],
    version: str | None = None,
) -> Response:
    state, caller = state_of(request), caller_id(request)
    refs = request.headers.getlist(HEADER) + ([version] if version else [])
    chosen = choose(state, refs, caller)
    state.access.count_rest(caller, len(call.inputs[0].data))
    answers = await state.predictor.answer(chosen, call.inputs[0].data, caller, skip_cache=False)
    response = json_response(schemas.answered(name, call, chosen, answers), chosen.number)
    return state.shadow.mirror(response, state.served, chosen, answers)


def _found(request: Request, ref: str | None) -> Loaded:
    """The version that the path names, or the caller's own."""
    served = state_of(request).served
    return named(served, [ref]) if ref else routed(served, caller_id(request))[1]
