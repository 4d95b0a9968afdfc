"""What cannot be answered is refused in one shape, with the reason."""

import json

import pytest

pytestmark = pytest.mark.anyio


BAD = [
    ({"text": ""}, "at least 1 character"),
    ({"text": " \n\t"}, "blank"),
    ({"text": "a\0b"}, "NUL"),
    ({"text": "x" * 10_001}, "at most 10000 characters"),
    ({"text": None}, "string"),
    ({"text": 5}, "string"),
    ({"text": ["a"]}, "string"),
    ({}, "text: Field required"),
    ({"text": "a", "extra": 1}, "extra: Extra inputs"),
    ({"text": "a", "skip_cache": "yes"}, "skip_cache"),
    ({"text": "a", "echo_input": 1}, "echo_input"),
    ({"text": "a", "model_version": 1.5}, "model_version"),
    ({"text": "a", "model_version": True}, "model_version"),
    ([], "JSON object"),
    ("text", "JSON object"),
    (None, "JSON object"),
]


@pytest.mark.parametrize(("body", "why"), BAD, ids=[why for _, why in BAD])
async def test_a_bad_body_is_refused_with_the_reason(client, body, why):
    response = await client.post("/prediction", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (422, "invalid")
    assert why in response.json()["detail"]
    assert set(response.json()) == {"error", "detail"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"texts": []}, "at least 1 item"),
        ({"texts": ["a"] * 1_001}, "at most 1000 items"),
        ({"texts": "a"}, "list"),
        ({"texts": ["a", ""]}, "texts.1: String should have at least 1 character"),
        ({"texts": [" "] * 1_000}, "and 997 more"),
        ({"text": "a"}, "texts: Field required"),
    ],
)
async def test_a_bad_list_is_refused_with_the_reason(client, body, why):
    response = await client.post("/predictions", json=body)
    assert (response.status_code, response.json()["error"]) == (422, "invalid")
    assert why in response.json()["detail"] and len(response.content) < 1_000


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 422),
        (b'{"text": "\xff\xfe"}', 400),
        (b'{"text": "\\ud800"}', 422),
        (b'{"text": "\\ud83d"}', 422),
        (b'{"text": "a", "\\ud800": 1}', 422),
        (b'{"text": "a", "model_version": "\\udfff"}', 404),
        (b'{"' + b"k" * 1_000_000 + b'": 1, "text": "a"}', 422),
        (b"[" * 1_000_000, 400),
        (b'{"text": ' + b"9" * 100_000 + b"}", 400),
        (b'{"text": NaN}', 422),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
async def test_broken_json_is_refused_and_not_echoed(client, body, status):
    response = await client.post("/prediction", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    assert response.json()["detail"] and len(response.content) < 1_000


async def test_a_body_of_another_type_is_told_what_to_send(client):
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        response = await client.post("/prediction", content=b'{"text": "a"}', headers=headers)
        assert response.status_code == 422 and "Content-Type: application/json" in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("text=", 422),
        ("text=%20", 422),
        ("text=%00", 422),
        ("text=%ff", 400),
        ("text=%ED%A0%80", 400),
        ("text=a&skip_cache=perhaps", 422),
        ("text=a&txet=b", 422),
        ("text=" + "x" * 10_001, 422),
    ],
)
async def test_a_bad_query_is_refused(client, query, status):
    response = await client.get(f"/prediction?{query}")
    assert response.status_code == status and response.json()["detail"]


async def test_what_does_not_exist_is_told_in_the_same_shape(client):
    missing = await client.get("/nope")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
    wrong = await client.delete("/prediction")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/prediction", "GET, POST"),
        ("/versions/champion/prediction", "GET, POST"),
        ("/versions/champion", "GET"),
        ("/compare", "POST"),
        ("/livez", "GET, HEAD"),
        ("/v2/health/live", "GET"),
        ("/v2/models/sms-spam/versions/1/infer", "POST"),
        ("/web/page.css", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_all_right_ones(client, path, allowed):
    response = await client.delete(path)
    assert (response.status_code, response.headers["Allow"]) == (405, allowed)


async def test_an_unforeseen_error_is_500_in_the_same_shape(served, client, monkeypatch):
    monkeypatch.setattr(served.default.model, "classify_each", lambda texts: 1 / 0)
    response = await client.get("/prediction", params={"text": "a"})
    assert (response.status_code, response.json()["error"]) == (500, "internal")
    assert "division" not in response.text
