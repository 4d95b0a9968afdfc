"""What the routes of predictions share: the versions that a call names, its limits, its explanation and its shadow."""

from typing import Any

from fastapi import Request, Response
from starlette.background import BackgroundTask

from bentos.answering.explanation import Explanation
from bentos.answering.predictor import Answer
from bentos.answering.routing import choose
from bentos.errors import CallError
from bentos.http import schemas
from bentos.http.context import caller_of, service_of
from bentos.http.limits import MAX_LIST_CHARACTERS
from bentos.http.responses import VERSION_HEADER, json_response, prediction_json
from bentos.versions.loaded import LoadedVersion, ServedVersions


async def answer_list(request: Request, call: schemas.PredictionsRequest) -> Response:
    """Answer a call of a list of texts."""
    service, served, caller = service_of(request), service_of(request).served, caller_of(request)
    alias, version = choose(served, refs_of(request, call.model_version), caller, service.metrics)
    check_characters(call.texts)
    await service.count_more_texts(caller, len(call.texts))
    gone = request.is_disconnected
    answers = await service.predictor.answer(
        version, call.texts, caller, call.skip_cache, gone, alias, asks_the_service(request)
    )
    content = [prediction_json(version, answer, call.echo_input) for answer in answers]
    return with_shadow(json_response(content, version.number), request, served, version, answers)


def asks_the_service(request: Request) -> bool:
    """Whether a caller's own corrections may answer: not on the routes of one version, which show what it says."""
    return not request.path_params


def check_characters(texts: list[str]) -> None:
    """Refuse a list with more text than the model reads in a few seconds. Raises CallError."""
    if sum(map(len, texts)) > MAX_LIST_CHARACTERS:
        detail = f"the texts of one call may have {MAX_LIST_CHARACTERS:,} characters together: send several calls"
        raise CallError("too_large", detail)


def with_shadow(
    response: Response, request: Request, served: ServedVersions, version: LoadedVersion, answers: list[Answer]
) -> Response:
    """The response; once it is sent, the shadow predicts the call as well, where the routing has one."""
    shadow, predicted = served.shadow, [answer for answer in answers if not answer.corrected]
    if shadow and shadow.key != version.key and predicted:
        compare = service_of(request).shadow.compare
        response.background = BackgroundTask(compare, caller_of(request), version, shadow, predicted)
    return response


async def explanation_json(request: Request, version: LoadedVersion, text: str) -> list[dict[str, Any]]:
    """The field `explanation`. It counts as many texts as the model predicts for it."""
    service = service_of(request)
    explanation = Explanation(version, text)
    await service.count_more_texts(caller_of(request), explanation.cost)
    weights = await explanation.weights(service.pool, request.is_disconnected)
    return [{"words": words, "weight": round(weight, 4)} for words, weight in weights]


def refs_of(request: Request, in_call: str | None) -> list[str]:
    """The versions that the call names in its path, query, body and header. Several are allowed if they agree."""
    refs = request.headers.getlist(VERSION_HEADER)
    if request.path_params:
        refs.append(request.path_params["ref"])
    if request.scope["query_string"]:
        refs += request.query_params.getlist("model_version")
    if in_call is not None:
        refs.append(in_call)
    return refs
