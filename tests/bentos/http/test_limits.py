"""The largest answers that calls can ask for stay within the limits that are stated."""

from dataclasses import replace

import pytest

from bentos.http.limits import (
    ESCAPED,
    LIST_ANSWER,
    MAX_CHARACTERS,
    MAX_DETAIL,
    MAX_LIST_CHARACTERS,
    MAX_REQUEST_ID,
    MAX_TEXTS,
    ONE_ANSWER,
)
from bentos.versions.loaded import RefusedVersion, ServedVersions
from tests.bentos.conftest import load_toy

INFER_ANSWER = ESCAPED * MAX_REQUEST_ID + MAX_TEXTS * 256  # both outputs of the Open Inference Protocol
ERROR_ANSWER = ESCAPED * MAX_DETAIL + 256

pytestmark = pytest.mark.anyio


def worst_text(characters: int) -> str:
    """Every second character is one that JSON writes with six bytes, the others are words."""
    return "a\x01" * (characters // 2 - 1) + " \x01"


async def test_a_list_of_the_longest_texts_repeated(client):
    texts = [worst_text(MAX_LIST_CHARACTERS // MAX_TEXTS)] * MAX_TEXTS
    response = await client.post("/predictions", json={"texts": texts, "echo_input": True})
    assert response.status_code == 200 and len(response.json()) == MAX_TEXTS
    assert LIST_ANSWER / 2 < len(response.content) <= LIST_ANSWER


async def test_one_longest_text_repeated_and_explained(client, service, served):
    artifacts = [replace(version, model=version.model.model) for version in served.versions]  # only they explain
    service.current.served = ServedVersions(tuple(artifacts))
    text = "\x01 " * (MAX_CHARACTERS // 2 - 1) + "aa"
    response = await client.post("/prediction", json={"text": text, "echo_input": True, "explain": True})
    assert response.status_code == 200 and len(response.json()["explanation"]) > 1
    assert ONE_ANSWER / 3 < len(response.content) <= ONE_ANSWER


async def test_a_comparison_of_many_versions(client, service, tmp_path):
    versions = tuple(load_toy(tmp_path, number, -1.0) for number in range(20, 10, -1))
    service.current.served = ServedVersions(versions)
    response = await client.post("/compare", json={"text": worst_text(MAX_CHARACTERS), "echo_input": True})
    assert response.status_code == 200 and len(response.content) <= len(versions) * ONE_ANSWER
    assert len((await client.get("/versions")).content) <= len(versions) * 1_000


async def test_both_outputs_of_the_inference_protocol(client):
    tensor = {"name": "text", "datatype": "BYTES", "shape": [MAX_TEXTS], "data": ["free prize"] * MAX_TEXTS}
    body = {"id": "\x01" * MAX_REQUEST_ID, "inputs": [tensor]}
    response = await client.post("/v2/models/sms-spam/infer", json=body)
    assert response.status_code == 200 and len(response.json()["outputs"]) == 2
    assert len(response.content) <= INFER_ANSWER


async def test_an_explanation_in_the_inference_protocol(client, service, served):
    artifacts = [replace(version, model=version.model.model) for version in served.versions]  # only they explain
    service.current.served = ServedVersions(tuple(artifacts))
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["\x01 " * (MAX_CHARACTERS // 2 - 1) + "aa"]}
    body = {"id": "\x01" * MAX_REQUEST_ID, "inputs": [tensor], "parameters": {"explain": True}}
    response = await client.post("/v2/models/sms-spam/infer", json=body)
    assert response.status_code == 200 and len(response.json()["outputs"]) == 3
    assert INFER_ANSWER / 8 < len(response.content) <= INFER_ANSWER


LONG = "\x01" * 60_000
ERRORS = [
    ("GET", "/versions/" + "x" * 60_000, {}),
    ("DELETE", "/versions/" + "x" * 60_000, {}),
    ("GET", "/" + "x" * 60_000, {}),
    ("GET", "/v2/models/" + "x" * 60_000, {}),
    ("POST", "/prediction", {"json": {LONG: 1, LONG + "2": 1, LONG + "3": 1}}),
    ("POST", "/prediction", {"json": {"text": "a", "model_version": LONG}}),
    ("POST", "/predictions", {"json": {"texts": [" "] * MAX_TEXTS}}),
    ("POST", "/feedback", {"json": {"text": "a", "label": "\x01" * 100}}),
    ("POST", "/v2/models/sms-spam/infer", {"json": {"inputs": [{"name": LONG, "shape": [1] * 9_999}]}}),
]


@pytest.mark.parametrize(("method", "path", "options"), ERRORS)
async def test_an_error_quotes_little_of_what_was_sent(client, method, path, options):
    response = await client.request(method, path, **options)
    assert 400 <= response.status_code < 500 and len(response.content) <= ERROR_ANSWER


async def test_neither_many_versions_nor_a_long_problem_make_a_long_error(client, service, tmp_path):
    served = load_toy(tmp_path, 1, -1.0, "champion", *(f"alias-{n}" for n in range(1_000)))
    refused = RefusedVersion("2", (), "/a/folder/file: " + "broken " * 10_000)
    service.current.served = ServedVersions((served,), (refused,))
    for path in ("/versions/7", "/versions/2"):
        assert len((await client.get(path)).content) <= ERROR_ANSWER
    assert len((await client.get("/versions")).json()["refused"][0]["why"]) == 1_000
