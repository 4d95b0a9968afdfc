"""The shadow predicts what others answer, and nobody notices."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from starlette.responses import Response

from bentos.answering.shadow import MAX_WAITING_CHARACTERS
from bentos.http.calls import with_shadow
from bentos.store import timeuuid
from tests.bentos.answering.test_routing import ask, counted, route

pytestmark = pytest.mark.anyio


@pytest.fixture
async def shadow(service):
    """The shadow at work, with the challenger as the version that hears all."""
    route(service, shadow="challenger")
    task = asyncio.create_task(service.shadow.run())
    yield service.shadow
    task.cancel()


async def until_counted(metrics, name, many, **labels) -> None:
    async with asyncio.timeout(20):
        while counted(metrics, name, **labels) < many:
            await asyncio.sleep(0.005)


PAIR = {"model_version": "1", "shadow_version": "2"}


async def test_the_shadow_hears_each_answered_text_and_differing_labels_are_counted(
    app, service, shadow, metrics, store
):
    await ask(app)  # 3 - 1: spam; 3 - 4: ham
    await ask(app, text="win a prize")
    await ask(app, text="lunch")
    await until_counted(metrics, "spam_shadow_texts_total", 3, **PAIR)
    assert counted(metrics, "spam_shadow_disagreements_total", **PAIR) == 1
    assert service.served.shadow.model.runs == [["free"], ["win a prize"], ["lunch"]]
    assert await store.get(service.served.shadow.key, ["free", "lunch"]) == {}


async def logged_by_shadow(store) -> list[str]:
    hour = timeuuid.hour(timeuuid.now())
    return [call.input async for call in store.calls("10.0.0.1", hour) if call.source == "shadow"]


@pytest.mark.parametrize("seconds", [0.01, 60])
async def test_what_the_shadow_predicts_is_logged_in_a_while_and_when_the_service_ends(
    app, service, metrics, store, monkeypatch, seconds
):
    monkeypatch.setattr("bentos.answering.shadow.LOG_EVERY", seconds)
    route(service, shadow="challenger")
    task = asyncio.create_task(service.shadow.run())
    for text in ("free", "win a prize"):
        await ask(app, text=text)
    await until_counted(metrics, "spam_shadow_texts_total", 2, **PAIR)
    if seconds == 60:
        assert await logged_by_shadow(store) == [], "a write of each would hold up the callers'"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(20):
        while await logged_by_shadow(store) != ["free", "win a prize"]:
            await asyncio.sleep(0.01)
    task.cancel()


async def test_the_shadow_does_not_hear_what_it_answers_itself(app, service, shadow, metrics):
    await ask(app, model_version="challenger")
    await ask(app)
    await until_counted(metrics, "spam_shadow_texts_total", 1, **PAIR)
    assert counted(metrics, "spam_shadow_texts_total", model_version="2", shadow_version="2") == 0
    shadow_version = service.served.shadow  # a call may have begun with an older snapshot, without its alias
    earlier = replace(shadow_version, version=replace(shadow_version.version, aliases=()))
    assert with_shadow(Response(), None, service.served, earlier, []).background is None


async def test_a_shadow_that_fails_hurts_nobody_and_goes_on(app, service, shadow, metrics, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(service.served.shadow.model, "classify", lambda texts: 1 / 0)
        assert (await ask(app)).status_code == 200
        await until_counted(metrics, "spam_shadow_failures_total", 1)
    await ask(app)
    await until_counted(metrics, "spam_shadow_texts_total", 1, **PAIR)


async def test_a_shadow_that_lags_drops_what_is_too_much(app, service, metrics):
    route(service, shadow="challenger")  # and nobody listens
    for _ in range(2):
        body = {"texts": ["x" * 10_000] * (MAX_WAITING_CHARACTERS // 10_000)}
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.post("/predictions", json=body)).status_code == 200
    assert counted(metrics, "spam_shadow_dropped_total") == MAX_WAITING_CHARACTERS // 10_000
