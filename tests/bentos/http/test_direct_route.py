"""What is passed to the endpoint at once, and what FastAPI looks at first, gets the same answer."""

import json

import pytest

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
WITH_CHARSET = {"content-type": "application/json; charset=utf-8"}  # FastAPI looks at it


def told(response) -> tuple[int, dict]:
    """Status and body, without what every call has anew."""
    body = response.json()
    for answer in body.get("results", [body]):
        answer.pop("id", None), answer.pop("from_cache", None)
    return response.status_code, body


@pytest.mark.parametrize("path", ["/prediction", "/versions/2/prediction", "/compare"])
@pytest.mark.parametrize(
    "body",
    [
        '{"text": "free"}',
        '{"text": "free", "skip_cache": true}',
        '{"text": "free", "skip_cache": "yes"}',
        '{"text": "free", "unknown": 1}',
        '{"text": "free", "text": "lunch"}',
        '{"text": "lone \\ud800"}',
        '{"text": ""}',
        '{"text": 7}',
        '{"text": null}',
        '{"text": "free", "skip_cache": NaN}',
        '{"text": "fr',
        "[]",
        "",
    ],
)
async def test_both_ways_give_the_same_answer(client, path, body):
    direct, checked = [await client.post(path, content=body, headers=kind) for kind in (JSON, WITH_CHARSET)]
    assert told(direct) == told(checked)


async def test_a_query_is_checked(client):
    body = json.dumps({"text": "free"})
    assert (await client.post("/prediction?model_version=2", content=body, headers=JSON)).json()["model_version"] == "2"
    assert (await client.post("/prediction?model_version=nope", content=body, headers=JSON)).status_code == 404
