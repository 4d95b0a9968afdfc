"""The caller's own calls, and only those."""

import json
import sqlite3
from dataclasses import replace
from datetime import datetime

import httpx
import pytest

from bentos.http.app import create_app
from bentos.store import Call, StoreError, timeuuid
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


async def test_the_log_shows_a_caller_its_own_calls_in_order(app, client):
    answers = (await client.post("/predictions", json={"texts": ["free prize", "home"], "model_version": "2"})).json()
    answers.append((await client.get("/prediction", params={"text": "home"})).json())
    async with client_of(app, "10.0.0.2") as other:
        await other.get("/prediction", params={"text": "secret"})
        assert [row["input"] for row in (await other.get("/recent_log")).json()] == ["secret"]
    rows = (await client.get("/recent_log")).json()
    assert [(row["index"], row["input"], row["model_version"], row["result"], row["from_cache"]) for row in rows] == [
        (0, "free prize", "2", "spam", False),
        (1, "home", "2", "ham", False),
        (2, "home", "1", "ham", False),
    ]
    assert [row["id"] for row in rows] == [answer["id"] for answer in answers]
    called_at = datetime.fromisoformat(rows[0]["called_at"])
    assert 0 <= (timeuuid.moment(timeuuid.now()) - called_at).total_seconds() < 60


async def test_an_empty_log_is_an_empty_array(client):
    assert (await client.get("/recent_log")).json() == []


async def test_a_long_log_arrives_in_pieces_and_whole(client, store):
    calls = [Call("10.0.0.1", timeuuid.now(), "x" * 500, "1-a", "ham", False) for _ in range(1_000)]
    await store.log(calls)
    async with client.stream("GET", "/recent_log") as response:
        body = b"".join([piece async for piece in response.aiter_bytes()])
    assert [row["index"] for row in json.loads(body)] == list(range(1_000))


async def test_a_call_that_cannot_be_logged_gets_503_and_no_inner_words(client, store):
    with sqlite3.connect(store.path) as db:
        db.execute("DROP TABLE spam_calls")
    for response in (await client.get("/prediction", params={"text": "a"}), await client.get("/recent_log")):
        assert (response.status_code, response.json()["error"]) == (503, "store_unavailable")
        assert "spam.db" not in response.text and "table" not in response.text
    metrics = (await client.get("/metrics")).text
    assert "spam_log_failures_total 1.0" in metrics and 'spam_store_up{store="sqlite"} 0.0' in metrics


async def test_a_log_that_breaks_midway_is_not_an_array_that_looks_whole(service):
    class Dying:
        async def calls(self, caller, hour):
            yield Call(caller, timeuuid.now(), "one", "1-a", "ham", False)
            raise StoreError("gone")

    async with client_of(create_app(replace(service, store=Dying()))) as client:
        with pytest.raises((httpx.HTTPError, json.JSONDecodeError)):
            (await client.get("/recent_log")).json()
