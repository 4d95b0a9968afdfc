"""The requests and answers of the HTTP API, as callers see them in the documentation."""

from typing import Annotated, Any

from pydantic import UUID1, AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from bentos.http.limits import MAX_CHARACTERS, MAX_LIST_CHARACTERS, MAX_TEXTS
from registry.texts import refusal

SPAM_EXAMPLE = "WINNER!! Claim your free prize now, call 09061701461"
HAM_EXAMPLE = "Ok, see you at lunch then"
ID_EXAMPLE = "8f1c7a52-e772-11f1-9b1d-5d2f7c40a913"


def _check_text(text: str) -> str:
    if problem := refusal(text):
        raise ValueError(problem)
    return text


def _number_to_text(value: Any) -> Any:
    return str(value) if type(value) is int else value


# What `_check_text` refuses, for the documentation; as a check it would be slow. To Python these separators are blank.
NEITHER_BLANK_NOR_NUL = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
CANONICAL_UUID1 = "^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

Text = Annotated[
    str,
    Field(min_length=1, max_length=MAX_CHARACTERS, json_schema_extra={"pattern": NEITHER_BLANK_NOR_NUL}),
    AfterValidator(_check_text),
]
Uuid1 = Annotated[UUID1, Field(json_schema_extra={"format": "uuid", "pattern": CANONICAL_UUID1})]
Ref = Annotated[
    str,
    BeforeValidator(_number_to_text, json_schema_input_type=str | int),
    Field(description="a version's number or alias; when absent, the champion or what the routing says"),
]


class CompareRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": SPAM_EXAMPLE}]})

    text: Text
    echo_input: StrictBool = Field(False, description="repeat the text in the answer")
    skip_cache: StrictBool = Field(False, description="run the model even if the answer is stored")


class PredictionRequest(CompareRequest):
    model_version: Ref | None = None
    explain: StrictBool = Field(False, description="say which words pushed the text towards its label")


class PredictionsRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"texts": [SPAM_EXAMPLE, HAM_EXAMPLE]}]})

    texts: list[Text] = Field(
        min_length=1, max_length=MAX_TEXTS, description=f"of {MAX_LIST_CHARACTERS:,} characters together, at most"
    )
    echo_input: StrictBool = Field(False, description="repeat the texts in the answers")
    skip_cache: StrictBool = Field(False, description="run the model even if the answers are stored")
    model_version: Ref | None = None


def _one_as_list(texts: Any) -> Any:
    return [texts] if isinstance(texts, str) else texts


OneOrMore = Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)]


class ClassifyRequest(PredictionsRequest):
    texts: Annotated[list[Text], BeforeValidator(_one_as_list, json_schema_input_type=OneOrMore)] = Field(
        min_length=1,
        max_length=MAX_TEXTS,
        description=f"one text, or a list of {MAX_LIST_CHARACTERS:,} characters together, at most",
    )


class VersionQuery(BaseModel):
    """The query of a POST."""

    model_config = ConfigDict(extra="forbid")

    model_version: Ref | None = None


class PredictionQuery(VersionQuery):
    text: Text = Field(examples=[SPAM_EXAMPLE])
    echo_input: bool = Field(False, description="repeat the text in the answer")
    skip_cache: bool = Field(False, description="run the model even if the answer is stored")
    explain: bool = Field(False, description="say which words pushed the text towards its label")


def _only(given: str, other: str) -> dict[str, Any]:
    """The JSON schema of an object that has a text in the field `given`, and nothing or null in `other`."""
    return {"required": [given], "properties": {given: {"type": "string"}, other: {"type": "null"}}}


class FeedbackRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"id": ID_EXAMPLE, "label": "spam"}, {"text": SPAM_EXAMPLE, "label": "spam"}],
            "oneOf": [_only("id", "text"), _only("text", "id")],
        },
    )

    id: Uuid1 | None = Field(None, description="of an answer that you got; or else `text`")
    text: Text | None = None
    label: str = Field(min_length=1, max_length=100, description="the right one, of those that a served version has")

    @model_validator(mode="after")
    def _check_either(self) -> "FeedbackRequest":
        if (self.id is None) == (self.text is None):
            raise ValueError("give either id or text")
        return self


class Weight(BaseModel):
    words: str = Field(examples=["prize"])
    weight: float = Field(
        description="by how much the log-odds of the top label fall without these words: above 0 they speak for it",
        examples=[1.25],
    )


class Top(BaseModel):
    label: str = Field(description="the answered one, at the version's operating point", examples=["spam"])
    value: float = Field(description="its probability", examples=[0.998321])


Id = Annotated[str, Field(description="the call's own, also in `/recent_log`", examples=[ID_EXAMPLE])]


class Prediction(BaseModel):
    prediction: dict[str, float] = Field(
        description="the probability of each label", examples=[{"ham": 0.001679, "spam": 0.998321}]
    )
    top: Top
    verdict: str = Field(description="the label on top, or `unsure` where a person should look", examples=["spam"])
    unfamiliar: bool = Field(False, description="true: unlike all that the version has learnt; absent otherwise")
    input: str | None = Field(None, description="the text, with `echo_input`", examples=[SPAM_EXAMPLE])
    explanation: list[Weight] | None = Field(None, description="with `explain`, in the order of the text")
    from_cache: bool = Field(description="whether the answer was stored before this call")
    source: str = Field("model", description="`correction` where you had corrected the text", examples=["model"])
    model_version: str = Field(description="the number of the version that answers", examples=["2"])
    id: Id
    mock: bool = Field(False, description="true: from a stand-in model, without meaning; absent otherwise")


class Comparison(BaseModel):
    results: list[Prediction] = Field(description="one answer a served version, newest version first")
    agree: bool = Field(description="whether all versions put the same label on top")


class LoggedCall(BaseModel):
    index: int = Field(description="from 0, oldest first")
    id: Id
    input: str = Field(examples=[SPAM_EXAMPLE])
    called_at: str = Field(examples=["2030-01-31T12:00:00.000000+00:00"])
    model_version: str = Field(examples=["2"])
    result: str = Field(description="the answered label", examples=["spam"])
    from_cache: bool
    probability: float | None = Field(
        None, description="of the label; null where no model answered", examples=[0.998321]
    )
    source: str = Field(
        "model", description="`model`, or `correction` where you had corrected the text", examples=["model"]
    )


class Feedback(BaseModel):
    input: str = Field(description="the text", examples=[SPAM_EXAMPLE])
    label: str = Field(description="the right label, as stored", examples=["spam"])
    predicted: str | None = Field(
        description="what the model answered; null where no id was given, or no model answered"
    )


class ServedVersion(BaseModel):
    model_version: str = Field(examples=["2"])
    aliases: list[str] = Field(examples=[["champion"]])
    default: bool = Field(description="whether it answers calls that name no version")
    labels: list[str] = Field(examples=[["ham", "spam"]])
    digest: str | None = Field(None, description="SHA-256 of the artifact")
    variant: str | None = Field(None, examples=["lstm"])
    stand_in: str | None = Field(
        None, description="what stood in for the corpus in training; null for the corpus itself"
    )
    created_at: str | None = None
    metrics: dict[str, float] = Field({}, description="its figures on the test split", examples=[{"mcc": 0.9512}])
    report: str | None = Field(None, description="the path of its report; null where it has none")
    source_problem: str | None = Field(
        None, description="why the registry would not give this version now as it is served; null when it would"
    )
    mock: bool = False


class RefusedVersion(BaseModel):
    model_version: str
    aliases: list[str]
    why: str


class RoutingState(BaseModel):
    shares: dict[str, float] = Field(
        description="percent of the calls that name no version, by alias; the champion has the rest",
        examples=[{"challenger": 10}],
    )
    shadow: str | None = Field(description="the alias of the version that predicts every call and answers none")


class RegistryState(BaseModel):
    read_at: str | None = Field(description="when it was last read", examples=["2030-01-31T12:00:00+00:00"])
    why_stale: str = Field(description="why it cannot be read now; empty when it can")


class Versions(BaseModel):
    default: str | None = Field(description="the number of the version that answers calls that name none")
    versions: list[ServedVersion]
    refused: list[RefusedVersion] = Field(description="versions that should be served and cannot be")
    routing: RoutingState
    registry: RegistryState | None = Field(description="null where none is followed: in a bento, or with a mock")


class Root(BaseModel):
    api_name: str = Field(examples=["sms-spam"])
    store: dict[str, Any] = Field(examples=[{"name": "sqlite", "up": True}])
    caller_id: str = Field(description="who you are to the call log", examples=["127.0.0.1"])
    rights: list[str] = Field(description="what you may do: predict, review, operate", examples=[["predict"]])
    default: str | None = Field(examples=["2"])
    versions: list[str] = Field(description="the numbers of the served versions", examples=[["2", "1"]])
    started_at: str = Field(examples=["2030-01-31T12:00:00+00:00"])
    problems: list[str] = Field(description="all that is wrong now; empty when nothing is", examples=[[]])
    mock: bool = Field(False, description="true: a stand-in model answers; absent otherwise")


class Health(BaseModel):
    status: str = Field(examples=["ready"])


class Error(BaseModel):
    """Every answer that is not a success."""

    error: str = Field(description="the reason, for a program", examples=["unknown_version"])
    detail: str = Field(description="the reason, for a person", examples=["no version '9' is served; there are: 2, 1"])
