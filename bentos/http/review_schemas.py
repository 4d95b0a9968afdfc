"""The requests and answers of the review queue, as reviewers see them in the documentation."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bentos.http.limits import MAX_QUESTIONS
from bentos.http.schemas import ID_EXAMPLE, SPAM_EXAMPLE, Top, Weight

Reason = Literal["random", "threshold", "shadow", "unfamiliar"]
State = Literal["waiting", "labelled", "skipped"]
QuestionId = Annotated[str, Field(description="that of the answered call", examples=[ID_EXAMPLE])]


class ReviewQuery(BaseModel):
    limit: int = Field(20, ge=1, le=MAX_QUESTIONS, description="the most questions of the answer")
    reason: Reason | None = Field(None, description="only questions asked for this reason")


class Question(BaseModel):
    """It has neither who sent the text nor what was answered."""

    id: QuestionId
    text: str = Field(examples=[SPAM_EXAMPLE])
    reason: Reason = Field(description="why a person is asked", examples=["threshold"])
    called_at: str = Field(examples=["2030-01-31T12:00:00.000000+00:00"])


class Review(BaseModel):
    questions: list[Question] = Field(description="what to look at next, of each reason in turn, newest first")
    labels: list[str] = Field(description="what a text can be", examples=[["ham", "spam"]])
    since: str = Field(description="calls of before are asked about no more", examples=["2030-01-24T12:00:00+00:00"])
    counts: dict[State, dict[Reason, int]] = Field(
        description="the questions since then", examples=[{"waiting": {"random": 3}, "labelled": {"random": 120}}]
    )
    random_dropped: int = Field(
        description="calls that were drawn and are missing in the random share, since this service started: where"
        " there are any, what is estimated from its labels is of the beginning of busy hours, not of all calls"
    )


class Labelling(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"action": "label", "label": "spam"}]})

    action: Literal["label"]
    label: str = Field(min_length=1, max_length=100, description="the right label of the text")


class SkippingOrUndoing(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"action": "undo"}]})

    action: Literal["skip", "undo"] = Field(description="`undo` takes your label or your skipping back")


Decision = Annotated[Labelling | SkippingOrUndoing, Field(discriminator="action")]


class Decided(BaseModel):
    id: QuestionId
    state: State
    label: str | None = Field(description="yours; null unless the question is labelled", examples=["spam"])
    predicted: Top | None = Field(description="what the model answered; null until the question is labelled")
    model_version: str | None = Field(description="the number of the version that answered", examples=["2"])


class Why(BaseModel):
    predicted: Top
    model_version: str = Field(examples=["2"])
    explanation: list[Weight] = Field(description="the words that pushed the text, in its order")
