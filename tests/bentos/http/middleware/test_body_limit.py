"""How much a call may send, and how long it may take."""

import asyncio
import json

import pytest

from bentos.http.limits import MAX_BODY

pytestmark = pytest.mark.anyio


async def test_a_large_body_is_refused_whether_or_not_it_says_its_length(client):
    async def pieces():
        for _ in range(MAX_BODY // 100_000 + 2):
            yield b"x" * 100_000

    for content in (b"x" * (MAX_BODY + 1), pieces()):
        response = await client.post("/predictions", content=content, headers={"Content-Type": "application/json"})
        assert (response.status_code, response.json()["error"]) == (413, "too_large")


@pytest.mark.parametrize("begun", [b"", b'{"text": '])
async def test_a_body_that_does_not_arrive_is_not_waited_for(client, monkeypatch, begun):
    monkeypatch.setattr("bentos.http.middleware.body_limit.BODY_SECONDS", 0.01)

    async def stalled():
        if begun:
            yield begun
        await asyncio.Event().wait()

    response = await client.post("/prediction", content=stalled(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (408, "too_slow")


async def test_a_body_just_within_the_limit_is_read(client):
    texts = ["🎁" * 698] * 1_000
    body = json.dumps({"texts": texts})  # as two escapes of six bytes each
    assert MAX_BODY - 100_000 < len(body) <= MAX_BODY
    response = await client.post("/predictions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


async def test_bodies_that_would_not_fit_into_memory_together_are_refused(client, monkeypatch):
    monkeypatch.setattr("bentos.http.middleware.body_limit.MAX_BODIES", 10)

    async def pieces():
        yield b'{"text": '
        yield b'"free"}'

    response = await client.post("/prediction", content=pieces(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (503, "overloaded") and response.headers["Retry-After"]
    monkeypatch.undo()
    response = await client.post("/prediction", content=pieces(), headers={"Content-Type": "application/json"})
    assert response.status_code == 200
