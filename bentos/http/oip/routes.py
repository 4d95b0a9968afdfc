"""The protocol's routes, for the clients of KServe, Triton and others."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from bentos.answering.routing import choose, named, routed
from bentos.errors import CallError
from bentos.http.context import caller_of, service_of
from bentos.http.oip import schemas
from bentos.http.responses import VERSION_HEADER, json_response
from bentos.http.routes.predictions import check_characters, with_shadow
from bentos.versions.loaded import LoadedVersion

SERVER = "/v2"
MODEL = "/v2/models/{name}"
VERSION = MODEL + "/versions/{version}"
BINARY_HEADER = "Inference-Header-Content-Length"


def _errors(*statuses: int) -> dict:
    return {status: {"model": schemas.InferenceError} for status in statuses}


def _check_model(request: Request, name: Annotated[str, Path(description="the registered model")]) -> None:
    model_name = service_of(request).model_name
    if name != model_name:
        raise CallError("unknown_model", f"no model {name[:50]!r} is served; there is: {model_name}")


async def _infer_request(request: Request) -> schemas.InferRequest:
    """The body, with any Content-Type: the protocol requires none, and Triton's client sends none."""
    if BINARY_HEADER in request.headers:  # then the body is JSON and raw tensors in one
        raise CallError("no_binary_data", schemas.NO_BINARY)
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
server_router = APIRouter(tags=["Open Inference Protocol"])
model_router = APIRouter(tags=["Open Inference Protocol"], dependencies=[Depends(_check_model)])


@server_router.get(SERVER, summary="The server", response_model=schemas.ServerMetadata)
async def server(request: Request) -> Response:
    return json_response({"name": service_of(request).api_name, "version": "1", "extensions": []})


@server_router.get(SERVER + "/health/live", summary="The process answers")
async def live() -> Response:
    return json_response({"live": True})


@server_router.get(SERVER + "/health/ready", summary="The model can be asked", responses=_errors(503))
async def ready(request: Request) -> Response:
    if problem := service_of(request).why_not_ready:
        raise CallError("not_ready", problem)
    return json_response({"ready": True})


@model_router.get(MODEL, summary="The model", response_model=schemas.ModelMetadata, responses=_errors(404, 503))
@model_router.get(
    VERSION, summary="A version of the model", response_model=schemas.ModelMetadata, responses=_errors(404, 503)
)
async def metadata(request: Request, name: str, version: str | None = None) -> Response:
    loaded = _version(request, version)
    numbers = [v.number for v in service_of(request).served.versions]
    return json_response(schemas.model_metadata(name, numbers, loaded), loaded.number)


@model_router.get(MODEL + "/ready", summary="The model can be asked", responses=_errors(404, 503))
@model_router.get(VERSION + "/ready", summary="The version can be asked", responses=_errors(404, 503))
async def model_ready(request: Request, name: str, version: str | None = None) -> Response:
    loaded = _version(request, version)
    return json_response({"name": name, "ready": True}, loaded.number)


@model_router.post(MODEL + "/infer", summary="Classify texts", **INFER)
@model_router.post(VERSION + "/infer", summary="Classify texts with this version", **INFER)
async def infer(
    request: Request,
    name: str,
    call: Annotated[schemas.InferRequest, Depends(_infer_request)],
    version: str | None = None,
) -> Response:
    service, served, caller = service_of(request), service_of(request).served, caller_of(request)
    texts = call.inputs[0].data
    refs = request.headers.getlist(VERSION_HEADER) + ([version] if version else [])
    loaded = choose(served, refs, caller, service.metrics)
    check_characters(texts)
    service.count_more_texts(caller, len(texts))
    answers = await service.predictor.answer(loaded, texts, caller, False, request.is_disconnected)
    response = json_response(schemas.infer_response(name, call, loaded, answers), loaded.number)
    return with_shadow(response, service, served, loaded, answers)


def _version(request: Request, ref: str | None) -> LoadedVersion:
    """The version that the path names, or the caller's own."""
    served = service_of(request).served
    return named(served, [ref]) if ref else routed(served, caller_of(request))[1]
