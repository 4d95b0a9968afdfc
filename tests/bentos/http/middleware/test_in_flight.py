"""What happens when more calls come than can be answered at once."""

import asyncio
from dataclasses import replace

import pytest

from bentos.http.app import create_app

pytestmark = pytest.mark.anyio


@pytest.fixture
def app(service):
    return create_app(replace(service, max_concurrency=2))


@pytest.fixture
async def gate(store, monkeypatch):
    """Holds every call up at the log until it is set; `waiting` counts them."""
    gate, write = asyncio.Event(), store.log
    gate.waiting = 0

    async def log(calls):
        gate.waiting += 1
        await gate.wait()
        await write(calls)

    monkeypatch.setattr(store, "log", log)
    return gate


async def held(client, gate, many):
    """Calls under way, each held up."""
    calls = [asyncio.create_task(client.get("/prediction", params={"text": f"text {n}"})) for n in range(many)]
    async with asyncio.timeout(60):
        while gate.waiting < many:
            await asyncio.sleep(0.001)
    return calls


async def test_one_more_is_refused_at_once_and_answered_when_there_is_room(client, gate):
    calls = await held(client, gate, 2)
    for path in ("/prediction?text=more", "/versions", "/v2"):
        response = await client.get(path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert "MAX_CONCURRENCY" in response.text
    for path in ("/livez", "/readyz", "/metrics", "/v2/health/ready"):
        assert (await client.get(path)).status_code == 200
    gate.set()
    assert [(await call).status_code for call in calls] == [200, 200]
    assert (await client.get("/prediction", params={"text": "more"})).status_code == 200


async def test_a_body_that_is_still_being_sent_takes_no_place(client):
    arriving = asyncio.Event()

    async def slow():
        yield b'{"text": '
        await arriving.wait()
        yield b'"free"}'

    headers = {"Content-Type": "application/json"}
    calls = [asyncio.create_task(client.post("/prediction", content=slow(), headers=headers)) for _ in range(5)]
    await asyncio.sleep(0)
    assert (await client.get("/versions")).status_code == 200
    arriving.set()
    assert {(await call).status_code for call in calls} <= {200, 503}


async def test_calls_that_fail_or_go_away_give_their_place_back(client, gate, served, monkeypatch):
    for call in await held(client, gate, 2):
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    gate.set()
    monkeypatch.setattr(served.default.model, "classify_each", lambda texts: 1 / 0)
    assert [(await client.get("/prediction?text=a")).status_code for _ in range(3)] == [500, 500, 500]
