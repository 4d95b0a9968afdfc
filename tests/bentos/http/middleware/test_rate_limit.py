"""How much a caller may send."""

import sqlite3
import time
from dataclasses import replace

import pytest

from bentos.callers.rates import Rates
from bentos.http.app import create_app
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def limited(state, tmp_path):
    """Makes an application with a limit; those it makes count together, as the workers of a service do."""

    def make(limits):
        access = replace(state.access, rates=Rates(limits, tmp_path / "calls.sqlite"))
        return create_app(replace(state, access=access))

    return make


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
        monkeypatch.setattr("bentos.callers.counts.time.time", lambda: later)
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


async def test_workers_count_together(limited):
    async with client_of(limited("3/hour")) as one, client_of(limited("3/hour")) as other:
        assert [(await ask(client)).status_code for client in (one, other, one, other)] == [200, 200, 200, 429]


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


async def test_where_nothing_can_be_counted_calls_are_answered(limited, tmp_path, caplog):
    async with client_of(limited("1/hour")) as client:
        with sqlite3.connect(tmp_path / "calls.sqlite") as db:
            db.execute("DROP TABLE counts")
        assert [(await ask(client, 1)).status_code for _ in range(3)] == [200, 200, 200]
    assert caplog.text.count("calls are not limited now") == 1


async def test_windows_that_ended_are_not_kept(limited, tmp_path, monkeypatch):
    app = limited("5/hour")
    for number in range(20):
        async with client_of(app, f"10.0.0.{number}") as client:
            await ask(client)
    later = time.time() + 7_200
    monkeypatch.setattr("bentos.callers.counts.time.time", lambda: later)
    async with client_of(app) as client:
        await ask(client)
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        assert db.execute("SELECT count(*) FROM counts").fetchone() == (1,)
