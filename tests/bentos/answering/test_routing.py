"""Which version answers a call that names none."""

from dataclasses import replace

import httpx
import pytest

from bentos.versions.loaded import ServedVersions
from registry.route import Routing

pytestmark = pytest.mark.anyio

CALLERS = [f"10.0.{i // 250}.{i % 250 + 1}" for i in range(400)]


def counted(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels) or 0


async def ask(app, caller="10.0.0.1", path="/prediction", **body) -> httpx.Response:
    transport = httpx.ASGITransport(app, client=(caller, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, json={"text": "free"} | body)


def route(service, shares=(), shadow=None) -> None:
    service.current.served = replace(service.served, routing=Routing(dict(shares), shadow))


async def test_a_share_of_the_callers_is_answered_by_the_alias_and_always_by_the_same(app, service, metrics):
    route(service, {"challenger": 25})
    first = [(await ask(app, caller)).json()["model_version"] for caller in CALLERS]
    assert 60 < first.count("2") < 140 and set(first) == {"1", "2"}
    again = [(await ask(app, caller)).json()["model_version"] for caller in CALLERS[:50]]
    assert again == first[:50]
    assert counted(metrics, "spam_routed_calls_total", alias="challenger") == first.count("2") + again.count("2")


async def test_more_traffic_takes_nobody_away_from_the_challenger(app, service):
    route(service, {"challenger": 10})
    few = {caller for caller in CALLERS if (await ask(app, caller)).json()["model_version"] == "2"}
    route(service, {"challenger": 40})
    many = {caller for caller in CALLERS if (await ask(app, caller)).json()["model_version"] == "2"}
    assert few < many


async def test_a_call_that_names_a_version_is_not_routed(app, service):
    route(service, {"challenger": 100})
    assert (await ask(app)).json()["model_version"] == "2"
    assert (await ask(app, model_version="champion")).json()["model_version"] == "1"


async def test_an_alias_that_is_not_loaded_leaves_its_share_to_the_champion(app, service):
    route(service, {"night": 100})
    assert (await ask(app)).json()["model_version"] == "1"


async def test_without_a_champion_only_the_routed_callers_are_answered(app, service):
    service.current.served = ServedVersions(service.served.versions[:1], routing=Routing({"challenger": 100}))
    assert (await ask(app)).json()["model_version"] == "2"
    route(service)
    assert (await ask(app)).status_code == 503
