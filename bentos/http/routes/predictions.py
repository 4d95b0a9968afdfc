"""Predictions of one text or a list, by one version, and of one text by every version."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.background import BackgroundTask

from bentos.answering.explanation import Explanation
from bentos.answering.predictor import Answer
from bentos.answering.routing import choose
from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.context import Service, caller_of, service_of
from bentos.http.limits import MAX_LIST_CHARACTERS
from bentos.http.openapi import VERSION_HEADER_PARAMETER, errors
from bentos.http.responses import VERSION_HEADER, json_response, prediction_json
from bentos.versions.loaded import LoadedVersion, ServedVersions

router = APIRouter(tags=["predictions"])

ONE = {
    "response_model": schemas.Prediction,
    "responses": errors(400, 404, 413, 422, 429, 503),
    "openapi_extra": VERSION_HEADER_PARAMETER,
}
MANY = ONE | {"response_model": list[schemas.Prediction]}

InQuery = Annotated[schemas.PredictionQuery, Query()]
# The routes do not use this parameter: it documents the query and lets FastAPI check it. `_refs` reads `model_version`
# from the request itself, since FastAPI keeps only the last of several values.
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
    service.count_more_texts(caller, len(served.versions))
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
    version = choose(served, _refs(request, call.model_version), caller, service.metrics)
    explanation = {"explanation": await explanation_json(request, version, call.text)} if call.explain else {}
    answers = await service.predictor.answer(version, [call.text], caller, call.skip_cache, request.is_disconnected)
    response = json_response(prediction_json(version, answers[0], call.echo_input) | explanation, version.number)
    return with_shadow(response, service, served, version, answers)


async def answer_list(request: Request, call: schemas.PredictionsRequest) -> Response:
    """Answer a call of a list of texts."""
    service, served, caller = service_of(request), service_of(request).served, caller_of(request)
    version = choose(served, _refs(request, call.model_version), caller, service.metrics)
    check_characters(call.texts)
    service.count_more_texts(caller, len(call.texts))
    gone = request.is_disconnected
    answers = await service.predictor.answer(version, call.texts, caller, call.skip_cache, gone)
    content = [prediction_json(version, answer, call.echo_input) for answer in answers]
    return with_shadow(json_response(content, version.number), service, served, version, answers)


def check_characters(texts: list[str]) -> None:
    """Refuse a list with more text than the model reads in a few seconds. Raises CallError."""
    if sum(map(len, texts)) > MAX_LIST_CHARACTERS:
        detail = f"the texts of one call may have {MAX_LIST_CHARACTERS:,} characters together: send several calls"
        raise CallError("too_large", detail)


def with_shadow(
    response: Response, service: Service, served: ServedVersions, version: LoadedVersion, answers: list[Answer]
) -> Response:
    """The response; once it is sent, the shadow predicts the call as well, where the routing has one."""
    shadow = served.shadow
    if shadow and shadow.key != version.key:
        response.background = BackgroundTask(service.shadow.compare, version, shadow, answers)
    return response


async def explanation_json(request: Request, version: LoadedVersion, text: str) -> list[dict[str, Any]]:
    """The field `explanation`. It counts as many texts as the model predicts for it."""
    service = service_of(request)
    explanation = Explanation(version, text)
    service.count_more_texts(caller_of(request), explanation.cost)
    weights = await explanation.weights(service.pool, request.is_disconnected)
    return [{"words": words, "weight": round(weight, 4)} for words, weight in weights]


def _refs(request: Request, in_call: str | None) -> list[str]:
    """The versions that the call names in its path, query, body and header. Several are allowed if they agree."""
    refs = request.headers.getlist(VERSION_HEADER)
    if request.path_params:
        refs.append(request.path_params["ref"])
    if request.scope["query_string"]:
        refs += request.query_params.getlist("model_version")
    if in_call is not None:
        refs.append(in_call)
    return refs
