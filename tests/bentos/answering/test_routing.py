"""Which version answers whom, and what the shadow hears."""

import asyncio
from dataclasses import replace

import httpx
import pytest
from starlette.responses import Response

from bentos.answering.shadow import MAX_WAITING
from bentos.versions.loaded import Served
from registry.route import Routing

pytestmark = pytest.mark.anyio

CALLERS = [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(400)]


def counted(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels) or 0


async def ask(app, caller="10.0.0.1", path="/prediction", **body) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(caller, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, json={"text": "free"} | body)


def route(state, shares=(), shadow=None) -> None:
    state.served = replace(state.served, routing=Routing(dict(shares), shadow))


async def test_a_share_of_the_callers_is_answered_by_the_alias_and_always_by_the_same(app, state, metrics):
    route(state, {"challenger": 25})
    first = [(await ask(app, caller)).json()["model_version"] for caller in CALLERS]
    assert 60 < first.count("2") < 140 and set(first) == {"1", "2"}
    again = [(await ask(app, caller)).json()["model_version"] for caller in CALLERS[:50]]
    assert again == first[:50]
    assert counted(metrics, "spam_routed_calls_total", alias="challenger") == first.count("2") + again.count("2")


async def test_more_traffic_takes_nobody_away_from_the_challenger(app, state):
    route(state, {"challenger": 10})
    few = {caller for caller in CALLERS if (await ask(app, caller)).json()["model_version"] == "2"}
    route(state, {"challenger": 40})
    many = {caller for caller in CALLERS if (await ask(app, caller)).json()["model_version"] == "2"}
    assert few < many


async def test_a_call_that_names_a_version_is_not_routed(app, state):
    route(state, {"challenger": 100})
    assert (await ask(app)).json()["model_version"] == "2"
    assert (await ask(app, model_version="champion")).json()["model_version"] == "1"


async def test_an_alias_that_is_not_loaded_leaves_its_share_to_the_champion(app, state):
    route(state, {"night": 100})
    assert (await ask(app)).json()["model_version"] == "1"


async def test_without_a_champion_only_the_routed_callers_are_answered(app, state):
    state.served = Served(state.served.versions[:1], routing=Routing({"challenger": 100}))
    assert (await ask(app)).json()["model_version"] == "2"
    route(state)
    assert (await ask(app)).status_code == 503


@pytest.fixture
async def shadow(state):
    """The shadow at work, with the challenger as the version that hears all."""
    route(state, shadow="challenger")
    task = asyncio.create_task(state.shadow.run())
    yield state.shadow
    task.cancel()


async def until_counted(metrics, name, many, **labels) -> None:
    async with asyncio.timeout(20):
        while counted(metrics, name, **labels) < many:
            await asyncio.sleep(0.005)


PAIR = {"model_version": "1", "shadow_version": "2"}


async def test_the_shadow_hears_each_answered_text_and_differing_labels_are_counted(app, state, shadow, metrics, store):
    await ask(app)  # 3 - 1: spam; 3 - 4: ham
    await ask(app, text="win a prize")
    await ask(app, text="lunch")
    await until_counted(metrics, "spam_shadow_texts_total", 3, **PAIR)
    assert counted(metrics, "spam_shadow_disagreements_total", **PAIR) == 1
    assert state.served.shadow.model.runs == [["free"], ["win a prize"], ["lunch"]]
    assert await store.get(state.served.shadow.key, ["free", "lunch"]) == {}


async def test_the_shadow_does_not_hear_what_it_answers_itself(app, state, shadow, metrics):
    await ask(app, model_version="challenger")
    await ask(app)
    await until_counted(metrics, "spam_shadow_texts_total", 1, **PAIR)
    assert counted(metrics, "spam_shadow_texts_total", model_version="2", shadow_version="2") == 0
    earlier = replace(state.served.shadow, aliases=())  # a call may have begun with an older snapshot
    assert state.shadow.mirror(Response(), state.served, earlier, []).background is None


async def test_a_shadow_that_fails_hurts_nobody_and_goes_on(app, state, shadow, metrics, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(state.served.shadow.model, "predict", lambda texts: 1 / 0)
        assert (await ask(app)).status_code == 200
        await until_counted(metrics, "spam_shadow_failures_total", 1)
    await ask(app)
    await until_counted(metrics, "spam_shadow_texts_total", 1, **PAIR)


async def test_a_shadow_that_lags_drops_what_is_too_much(app, state, metrics):
    route(state, shadow="challenger")  # and nobody listens
    for _ in range(2):
        body = {"texts": ["x" * 10_000] * (MAX_WAITING // 10_000)}
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            assert (await client.post("/predictions", json=body)).status_code == 200
    assert counted(metrics, "spam_shadow_dropped_total") == MAX_WAITING // 10_000
