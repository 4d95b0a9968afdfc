"""The protocol's routes, for the clients of KServe, Triton and others."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from bentos.answering.routing import choose, named, routed
from bentos.errors import CallError
from bentos.http.calls import check_characters, explanation_json, with_shadow
from bentos.http.context import caller_of, service_of
from bentos.http.oip import answers, binary, schemas
from bentos.http.problems import told
from bentos.http.responses import VERSION_HEADER, json_response
from bentos.versions.loaded import LoadedVersion

Model = TypeVar("Model", bound=BaseModel)

SERVER = "/v2"
MODEL = "/v2/models/{name}"
VERSION = MODEL + "/versions/{version}"
REPOSITORY = "/v2/repository"


def _errors(*statuses: int) -> dict:
    return {status: {"model": schemas.InferenceError} for status in statuses}


def _check_model(request: Request, name: Annotated[str, Path(description="the registered model")]) -> None:
    model_name = service_of(request).model_name
    if name != model_name:
        raise CallError("unknown_model", f"no model {name[:50]!r} is served; there is: {model_name}")


async def _infer_request(request: Request) -> schemas.InferRequest:
    """The body, with any Content-Type: the protocol requires none, and Triton's client sends none."""
    body, raw = await request.body(), None
    if (length := request.headers.get(binary.HEADER)) is not None:
        body, raw = binary.split_body(body, length)
    return _validated(schemas.InferRequest, body, raw)


async def _index_request(request: Request) -> schemas.IndexRequest:
    """The body, which Triton's client leaves empty."""
    return _validated(schemas.IndexRequest, await request.body() or b"{}")


def _validated(model: type[Model], body: bytes, raw: bytes | None = None) -> Model:
    """The JSON in `body` as the model, with `raw` as its context. Raises RequestValidationError."""
    try:
        return model.model_validate_json(body, context=raw)
    except ValidationError as error:
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in error.errors()]) from None


BODY = {
    "required": True,
    "description": "The texts may follow the JSON in binary, and so may the outputs: the extension binary_tensor_data.",
    "content": {"application/json": {"schema": schemas.request_schema()}},
}
INDEX_BODY = {"content": {"application/json": {"schema": schemas.IndexRequest.model_json_schema()}}}
BINARY_ANSWER = {"content": {binary.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
INFER = {
    "response_model": schemas.InferResponse,
    "responses": {200: BINARY_ANSWER, **_errors(400, 404, 413, 429, 503)},
    "openapi_extra": {"requestBody": BODY},
}
server_router = APIRouter(tags=["Open Inference Protocol"])
model_router = APIRouter(tags=["Open Inference Protocol"], dependencies=[Depends(_check_model)])


@server_router.get(SERVER, summary="The server", response_model=schemas.ServerMetadata)
async def server(request: Request) -> Response:
    return json_response({"name": service_of(request).api_name, "version": "1", "extensions": schemas.EXTENSIONS})


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
    refs = request.headers.getlist(VERSION_HEADER) + ([version] if version else [])
    alias, loaded = choose(served, refs, caller, service.metrics)
    check_characters(call.texts)
    await service.count_more_texts(caller, len(call.texts))
    explanation = await explanation_json(request, loaded, call.texts[0]) if call.parameters.explain else None
    gone = request.is_disconnected
    skip_cache = call.parameters.skip_cache
    answered = await service.predictor.answer(loaded, call.texts, caller, skip_cache, gone, alias)
    outputs = answers.outputs_of(loaded, answered, explanation)
    return with_shadow(answers.infer_response(name, call, loaded, outputs), request, served, loaded, answered)


@server_router.post(
    REPOSITORY + "/index",
    summary="The versions that are served or refused",
    response_model=list[schemas.IndexEntry],
    responses=_errors(400),
    openapi_extra={"requestBody": INDEX_BODY},
)
async def index(request: Request, call: Annotated[schemas.IndexRequest, Depends(_index_request)]) -> Response:
    name, served = service_of(request).model_name, service_of(request).served
    entries = [{"name": name, "version": v.number, "state": "READY", "reason": ""} for v in served.versions]
    if not call.ready:
        entries += [
            {"name": name, "version": v.number, "state": "UNAVAILABLE", "reason": told(request, v.problem)}
            for v in served.refused
        ]
    return json_response(entries)


@server_router.post(REPOSITORY + "/models/{name}/load", include_in_schema=False)
@server_router.post(REPOSITORY + "/models/{name}/unload", include_in_schema=False)
async def refuse_change(name: str) -> Response:
    raise CallError("read_only", "the registry decides which versions are served: they are promoted there, not loaded")


def _version(request: Request, ref: str | None) -> LoadedVersion:
    """The version that the path names, or the caller's own."""
    served = service_of(request).served
    return named(served, [ref]) if ref else routed(served, caller_of(request))[1]
