"""The review queue: answered calls that a person is asked about. Its right is `review` (see `bentos.http.rights`)."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from bentos.errors import CallError
from bentos.http import review_schemas as schemas
from bentos.http.calls import explanation_json
from bentos.http.context import caller_of, service_of
from bentos.http.openapi import errors
from bentos.http.pages import page, wants_page
from bentos.http.responses import json_response
from bentos.http.schemas import Uuid1
from bentos.store import timeuuid
from bentos.store.questions import LABELLED, RANDOM, Question
from bentos.versions.loaded import LoadedVersion

router = APIRouter(tags=["review"])

QuestionId = Annotated[Uuid1, Path(description="a question's, which is that of the answered call")]


@router.get(
    "/review",
    summary="What a person should look at next",
    response_model=schemas.Review,
    responses=errors(403, 422, 429, 503),
)
async def review(request: Request, query: Annotated[schemas.ReviewQuery, Query()]) -> Response:
    if wants_page(request.headers):
        return page("review.html")
    service = service_of(request)
    waiting = await service.review.waiting(query.limit, query.reason)
    versions = [version for version in (service.served.default, *service.served.versions) if version]
    return json_response(
        {
            "questions": [_question_json(question) for question in waiting.questions],
            "labels": list(dict.fromkeys(label for version in versions for label in version.model.labels)),
            "since": waiting.since.isoformat(),
            "counts": waiting.counts,
            "random_dropped": service.metrics.total_dropped(RANDOM),
        }
    )


@router.post(
    "/review/{question_id}",
    summary="Label a text, skip it, or take that back",
    response_model=schemas.Decided,
    responses=errors(400, 403, 404, 409, 413, 422, 429, 503),
)
async def decide(request: Request, question_id: QuestionId, body: schemas.Decision) -> Response:
    service, reviewer = service_of(request), caller_of(request)
    if isinstance(body, schemas.Labelling):
        question = await service.review.label(service.served, reviewer, question_id, body.label)
    elif body.action == "skip":
        question = await service.review.skip(reviewer, question_id)
    else:
        question = await service.review.undo(reviewer, question_id)
    labelled = question.state == LABELLED
    content = {"id": question.id, "state": question.state, "label": question.answer or None}
    return json_response(
        content | (_answered_json(question) if labelled else {"predicted": None, "model_version": None})
    )


@router.get(
    "/review/{question_id}/why",
    summary="Why the model answered what it did, once the text has a label",
    response_model=schemas.Why,
    responses=errors(400, 403, 404, 409, 422, 429, 503),
)
async def why(request: Request, question_id: QuestionId) -> Response:
    question = await service_of(request).review.labelled(question_id)
    explanation = await explanation_json(request, _version_of(request, question), question.input)
    return json_response(_answered_json(question) | {"explanation": explanation})


def _version_of(request: Request, question: Question) -> LoadedVersion:
    """The version that answered, by its content: its number may be another's by now."""
    for version in service_of(request).served.versions:
        if version.key == question.model_version:
            return version
    detail = f"version {_number(question)}, which answered, is not served any more, and cannot say why"
    raise CallError("unknown_version", detail)


def _question_json(question: Question) -> dict[str, Any]:
    """In the shape of `review_schemas.Question`: what the model said would sway a reviewer."""
    called_at = timeuuid.moment(question.id).isoformat(timespec="microseconds")
    return {"id": question.id, "text": question.input, "reason": question.reason, "called_at": called_at}


def _answered_json(question: Question) -> dict[str, Any]:
    predicted = {"label": question.label, "value": question.probability}
    return {"predicted": predicted, "model_version": _number(question)}


def _number(question: Question) -> str:
    """Of the version's content key, without the digest."""
    return question.model_version.partition("-")[0]
