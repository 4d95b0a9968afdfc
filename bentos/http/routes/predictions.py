"""Predictions: of one text or a list, by the version that the call names, or by every one."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from bentos.answering.routing import choose
from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.middleware.authentication import caller_id
from bentos.http.openapi import VERSION_HEADER, errors
from bentos.http.responses import HEADER, json_response, told
from bentos.http.state import state_of
from bentos.versions.loaded import Loaded
from registry.model.artifact import Artifact
from registry.model.explain import explain

router = APIRouter(tags=["predictions"])

ONE = {
    "response_model": schemas.Prediction,
    "responses": errors(400, 404, 413, 422, 429, 503),
    "openapi_extra": VERSION_HEADER,
}
MANY = ONE | {"response_model": list[schemas.Prediction]}

InQuery = Annotated[schemas.PredictionQuery, Query()]
VersionInQuery = Annotated[schemas.VersionQuery, Query()]
VersionInPath = Annotated[str, Path(description="a version's number or alias", examples=["champion"])]


@router.get("/prediction", summary="Classify one text", **ONE)
async def get_prediction(request: Request, query: InQuery) -> Response:
    return await _one(request, query)


@router.post("/prediction", summary="Classify one text", **ONE)
async def post_prediction(request: Request, body: schemas.PredictionRequest, query: VersionInQuery) -> Response:
    return await _one(request, body)


@router.post("/predictions", summary="Classify a list of texts, answered in its order", **MANY)
async def post_predictions(request: Request, body: schemas.PredictionsRequest, query: VersionInQuery) -> Response:
    return await _many(request, body)


@router.get("/versions/{ref}/prediction", summary="Classify one text with this version", **ONE)
async def get_version_prediction(request: Request, ref: VersionInPath, query: InQuery) -> Response:
    return await _one(request, query)


@router.post("/versions/{ref}/prediction", summary="Classify one text with this version", **ONE)
async def post_version_prediction(
    request: Request, ref: VersionInPath, body: schemas.PredictionRequest, query: VersionInQuery
) -> Response:
    return await _one(request, body)


@router.post("/versions/{ref}/predictions", summary="Classify a list of texts with this version", **MANY)
async def post_version_predictions(
    request: Request, ref: VersionInPath, body: schemas.PredictionsRequest, query: VersionInQuery
) -> Response:
    return await _many(request, body)


@router.post(
    "/compare",
    summary="Classify one text with every served version",
    response_model=schemas.Comparison,
    responses=errors(400, 413, 422, 429, 503),
)
async def compare(request: Request, body: schemas.CompareRequest) -> Response:
    state, caller = state_of(request), caller_id(request)
    versions = state.served.versions or (choose(state, (), caller),)  # with none at all this says why
    state.access.count_rest(caller, len(versions))
    answers = [(await state.predictor.answer(version, [body.text], caller, body.skip_cache))[0] for version in versions]
    results = [told(version, answer, body.echo_input) for version, answer in zip(versions, answers, strict=True)]
    agree = len({answer.label for answer in answers}) == 1
    return json_response({"results": results, "agree": agree}, ", ".join(version.number for version in versions))


async def _one(request: Request, call: schemas.PredictionRequest | schemas.PredictionQuery) -> Response:
    state, caller = state_of(request), caller_id(request)
    version = choose(state, _refs(request, call.model_version), caller)
    explanation = {"explanation": await _explained(version, call.text)} if call.explain else {}
    answers = await state.predictor.answer(version, [call.text], caller, call.skip_cache)
    response = json_response(told(version, answers[0], call.echo_input) | explanation, version.number)
    return state.shadow.mirror(response, state.served, version, answers)


async def _many(request: Request, call: schemas.PredictionsRequest) -> Response:
    state, caller = state_of(request), caller_id(request)
    version = choose(state, _refs(request, call.model_version), caller)
    state.access.count_rest(caller, len(call.texts))
    answers = await state.predictor.answer(version, call.texts, caller, call.skip_cache)
    response = json_response([told(version, answer, call.echo_input) for answer in answers], version.number)
    return state.shadow.mirror(response, state.served, version, answers)


async def _explained(version: Loaded, text: str) -> list[dict[str, Any]]:
    """The words with their weights. In a thread: the model runs once for each word left out."""
    if not isinstance(version.model, Artifact):
        raise CallError(400, "no_explanation", "a stand-in model has no reasons: call without `explain`")
    weighed = await asyncio.to_thread(explain, version.model, text)
    return [{"words": words, "weight": round(weight, 4)} for words, weight in weighed]


def _refs(request: Request, in_call: str | None) -> list[str]:
    """What the call names, in its path, query, body or header: several may, if they agree."""
    refs = request.headers.getlist(HEADER)
    if request.path_params:
        refs.append(request.path_params["ref"])
    if request.scope["query_string"]:
        refs += request.query_params.getlist("model_version")
    if in_call is not None:
        refs.append(in_call)
    return refs
