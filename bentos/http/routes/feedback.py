"""What was answered wrongly, or rightly."""

from fastapi import APIRouter, Request, Response

from bentos.answering.feedback import take
from bentos.http import schemas
from bentos.http.middleware.authentication import caller_id
from bentos.http.openapi import errors
from bentos.http.responses import json_response
from bentos.http.state import state_of

router = APIRouter(tags=["feedback"])


@router.post(
    "/feedback",
    summary="Say the right label of a text, or of a call of yours",
    response_model=schemas.Feedback,
    responses=errors(400, 404, 413, 422, 503),
)
async def feedback(request: Request, body: schemas.FeedbackRequest) -> Response:
    text, predicted = await take(state_of(request), caller_id(request), body.text, body.id, body.label)
    return json_response({"input": text, "label": body.label, "predicted": predicted or None})
