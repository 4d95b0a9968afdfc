"""POST /feedback: corrections of callers."""

from fastapi import APIRouter, Request, Response

from bentos.http import schemas
from bentos.http.context import caller_of, service_of
from bentos.http.openapi import errors
from bentos.http.responses import json_response

router = APIRouter(tags=["feedback"])


@router.post(
    "/feedback",
    summary="Say the right label of a text, or of a call of yours",
    response_model=schemas.Feedback,
    responses=errors(400, 404, 413, 422, 503),
)
async def feedback(request: Request, body: schemas.FeedbackRequest) -> Response:
    service = service_of(request)
    text, predicted = await service.feedback.record(service.served, caller_of(request), body.text, body.id, body.label)
    return json_response({"input": text, "label": body.label, "predicted": predicted or None})
