"""How much a caller may send."""

import time
from dataclasses import replace

import pytest

from bentos.callers.rate_limits import RateLimits
from bentos.http.app import create_app
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def limited(service):
    """Makes an application with a limit."""
    return lambda limits: create_app(replace(service, rate_limits=RateLimits(limits)))


async def ask(client, many=1):
    return await client.post("/predictions", json={"texts": ["free"] * many})


async def test_who_sends_too_many_is_told_when_to_go_on_and_others_are_answered(limited):
    app = limited("3/hour")
    async with client_of(app) as client, client_of(app, "10.0.0.2") as other:
        assert [(await client.get("/versions")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await ask(client)
        assert (refused.status_code, refused.json()["error"]) == (429, "too_often")
        assert 3_500 < int(refused.headers["Retry-After"]) <= 3_600
        assert refused.headers["Retry-After"] in refused.json()["detail"]
        assert (await client.get("/v2")).json().keys() == {"error"}
        assert (await ask(other)).status_code == 200


async def test_after_the_window_it_goes_on(limited, monkeypatch):
    async with client_of(limited("1/hour")) as client:
        assert [(await ask(client)).status_code for _ in range(2)] == [200, 429]
        later = time.time() + 3_601
        monkeypatch.setattr("time.time", lambda: later)
        assert [(await ask(client)).status_code for _ in range(2)] == [200, 429]


async def test_a_list_counts_as_many_as_it_has_texts_and_what_does_not_fit_leaves_room(limited):
    async with client_of(limited("10/hour")) as client:
        assert (await ask(client, 6)).status_code == 200
        assert (await ask(client, 6)).status_code == 429  # counts as one call
        assert (await ask(client, 3)).status_code == 200
        assert (await ask(client)).status_code == 429


async def test_every_way_to_send_several_is_counted(limited):
    infer = {"inputs": [{"name": "text", "shape": [3], "datatype": "BYTES", "data": ["a", "b", "c"]}]}
    calls = [
        ("/predictions", {"texts": ["a", "b", "c"]}, 3),
        ("/versions/2/predictions", {"texts": ["a", "b", "c"]}, 3),
        ("/v2/models/sms-spam/infer", infer, 3),
        ("/compare", {"text": "a"}, 2),
        ("/prediction", {"text": "a"}, 1),
    ]
    for number, (path, body, counts) in enumerate(calls, start=1):
        async with client_of(limited("4/hour"), f"10.0.1.{number}") as client:
            assert (await client.post(path, json=body)).status_code == 200
            left = [(await client.get("/versions")).status_code for _ in range(5)].count(200)
            assert left == 4 - counts, path


async def test_a_list_that_never_fits_is_not_told_to_come_again(limited):
    async with client_of(limited("50/second;5/hour")) as client:
        response = await ask(client, 6)
        assert (response.status_code, response.json()["error"]) == (413, "too_many")
        assert "5 per 1 hour" in response.json()["detail"] and "Retry-After" not in response.headers


async def test_the_tightest_of_several_limits_counts(limited):
    async with client_of(limited("2/hour;100/day")) as client:
        assert [(await ask(client)).status_code for _ in range(3)] == [200, 200, 429]
        assert int((await ask(client)).headers["Retry-After"]) <= 3_600


async def test_health_and_documentation_are_not_counted(limited):
    async with client_of(limited("1/hour")) as client:
        await ask(client)
        for path in ("/livez", "/readyz", "/metrics", "/docs", "/v2/health/live"):
            assert (await client.get(path)).status_code == 200
        assert (await ask(client)).status_code == 429


async def test_the_addresses_of_one_network_are_one_caller(limited):
    app = limited("1/hour")
    statuses = []
    for address in ("2001:db8::1", "2001:db8::2:1", "2001:db8:0:1::1"):
        async with client_of(app, address) as client:
            statuses.append((await ask(client)).status_code)
    assert statuses == [200, 429, 200]
