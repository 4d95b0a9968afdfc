"""The client's answers, limits and paths are those of the service's OpenAPI document."""

from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

import pytest

from bentos.client import answers, calls
from bentos.http import limits

pytestmark = pytest.mark.anyio

KINDS = [kind for kind in vars(answers).values() if is_dataclass(kind)]
JSON = {str: "string", float: "number", int: "integer", bool: "boolean", list: "array", dict: "object"}
CALLS = [
    (calls.predict("a", model_version="1", explain=True, echo_input=True, skip_cache=True), "PredictionRequest"),
    (calls.predict_list(["a"], model_version="1", echo_input=True, skip_cache=True), "PredictionsRequest"),
    (calls.compare("a", echo_input=True, skip_cache=True), "CompareRequest"),
    (calls.feedback("spam", id="1", text="a"), "FeedbackRequest"),
    (calls.versions(), None),
    (calls.recent_log(), None),
]


@pytest.fixture
def document(app) -> dict:
    return app.openapi()


def described(hint: object) -> set[str]:
    """The JSON types of a Python type; a dataclass is named, as the document refers to it."""
    if isinstance(hint, UnionType):
        return {name for part in get_args(hint) for name in described(part)}
    if hint is NoneType:
        return {"null"}
    return {hint.__name__ if is_dataclass(hint) else JSON[get_origin(hint) or hint]}


def documented(schema: dict) -> set[str]:
    if "anyOf" in schema:
        return {name for part in schema["anyOf"] for name in documented(part)}
    return {schema["$ref"].rpartition("/")[2] if "$ref" in schema else schema["type"]}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_an_answer_has_the_fields_of_the_document(kind, document):
    schema = document["components"]["schemas"][kind.__name__]
    hints = get_type_hints(kind)
    assert hints.keys() == schema["properties"].keys()
    for name, part in schema["properties"].items():
        assert described(hints[name]) == documented(part), name
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    assert required == set(schema["required"])


@pytest.mark.parametrize(("call", "schema"), CALLS, ids=lambda value: getattr(value, "path", ""))
async def test_a_call_sends_the_fields_of_the_document(call, schema, document):
    operation = document["paths"][call.path][call.method.lower()]
    if schema is None:
        return None
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert reference.endswith(f"/{schema}")
    assert call.body.keys() == document["components"]["schemas"][schema]["properties"].keys()


async def test_the_limits_are_the_services():
    assert (calls.MAX_TEXTS, calls.MAX_LIST_CHARACTERS) == (limits.MAX_TEXTS, limits.MAX_LIST_CHARACTERS)


async def test_fields_of_a_newer_service_are_left_out():
    top = answers.reader(answers.Top)({"label": "spam", "value": 0.9, "news": 1})
    assert top == answers.Top("spam", 0.9)
