"""Predictions of one text or a list, by one version, and of one text by every version."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from bentos.answering.routing import choose
from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.calls import answer_list, asks_the_service, explanation_json, refs_of, with_shadow
from bentos.http.context import caller_of, service_of
from bentos.http.direct_route import DirectRoute
from bentos.http.openapi import VERSION_HEADER_PARAMETER, errors
from bentos.http.responses import json_response, prediction_json

router = APIRouter(tags=["predictions"], route_class=DirectRoute)

ONE = {
    "response_model": schemas.Prediction,
    "responses": errors(400, 404, 413, 422, 429, 503),
    "openapi_extra": VERSION_HEADER_PARAMETER,
}
MANY = ONE | {"response_model": list[schemas.Prediction]}

InQuery = Annotated[schemas.PredictionQuery, Query()]
# The routes do not use this parameter: it documents the query and lets FastAPI check it. `refs_of` reads
# `model_version` from the request itself, since FastAPI keeps only the last of several values.
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
    return await answer_list(request, body)


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
    return await answer_list(request, body)


@router.post(
    "/compare",
    summary="Classify one text with every served version",
    response_model=schemas.Comparison,
    responses=errors(400, 413, 422, 429, 503),
)
async def compare(request: Request, body: schemas.CompareRequest) -> Response:
    service, served, caller = service_of(request), service_of(request).served, caller_of(request)
    if not served.versions:
        raise CallError("not_ready", served.why_no_champion)
    await service.count_more_texts(caller, len(served.versions))
    gone = request.is_disconnected
    answers = [
        (await service.predictor.answer(version, [body.text], caller, body.skip_cache, gone))[0]
        for version in served.versions
    ]
    results = [prediction_json(v, answer, body.echo_input) for v, answer in zip(served.versions, answers, strict=True)]
    agree = len({answer.label for answer in answers}) == 1
    return json_response({"results": results, "agree": agree}, ", ".join(v.number for v in served.versions))


async def _one(request: Request, call: schemas.PredictionRequest | schemas.PredictionQuery) -> Response:
    service, served, caller = service_of(request), service_of(request).served, caller_of(request)
    alias, version = choose(served, refs_of(request, call.model_version), caller, service.metrics)
    explanation = {"explanation": await explanation_json(request, version, call.text)} if call.explain else {}
    gone = request.is_disconnected
    corrected = asks_the_service(request)
    answers = await service.predictor.answer(version, [call.text], caller, call.skip_cache, gone, alias, corrected)
    reasons = {} if answers[0].corrected else explanation  # the model's, which did not answer
    response = json_response(prediction_json(version, answers[0], call.echo_input) | reasons, version.number)
    return with_shadow(response, request, served, version, answers)
