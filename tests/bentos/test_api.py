"""The HTTP contract, on the application itself; tests/system calls the same routes on a running service."""

import asyncio
import json
import sqlite3
from datetime import UTC, datetime

import httpx
import pytest

from bentos import timeuuid
from bentos.limits import MAX_BODY
from bentos.served import Loaded, Refused, Served, serve_mock
from bentos.store import Call, StoreError

pytestmark = pytest.mark.anyio


def client_of(app, address="10.0.0.1"):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 1234))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture
async def client(app):
    async with client_of(app) as client:
        yield client


async def test_a_prediction_has_every_field_of_the_contract(client):
    response = await client.post("/prediction", json={"text": "free prize", "echo_input": True})
    assert response.status_code == 200
    assert response.headers["X-Model-Version"] == "1"
    body = response.json()
    assert body == {
        "prediction": body["prediction"],
        "top": {"label": "spam", "value": body["prediction"]["spam"]},
        "input": "free prize",
        "from_cache": False,
        "model_version": "1",
    }
    assert list(body["prediction"]) == ["ham", "spam"] and sum(body["prediction"].values()) == pytest.approx(1)


async def test_get_and_post_answer_alike(client):
    got = await client.get("/prediction", params={"text": "free prize & more", "echo_input": "true"})
    posted = await client.post("/prediction", json={"text": "free prize & more", "echo_input": True})
    assert got.json() | {"from_cache": True} == posted.json()


async def test_hit_and_miss_are_the_same_bytes_but_for_from_cache(client):
    miss = await client.post("/prediction", json={"text": "free"})
    hit = await client.post("/prediction", json={"text": "free"})
    assert miss.content.replace(b'"from_cache":false', b'"from_cache":true') == hit.content


async def test_a_list_is_answered_in_its_order(client):
    texts = ["lunch at home", "free prize", "lunch at home", "win cash"]
    response = await client.post("/predictions", json={"texts": texts, "echo_input": True})
    assert [row["input"] for row in response.json()] == texts
    assert [row["top"]["label"] for row in response.json()] == ["ham", "spam", "ham", "spam"]
    assert response.headers["X-Model-Version"] == "1"


@pytest.mark.parametrize("ref", ["2", "challenger"])
@pytest.mark.parametrize(
    "how",
    [
        lambda client, ref: client.get(f"/versions/{ref}/prediction", params={"text": "free"}),
        lambda client, ref: client.post(f"/versions/{ref}/prediction", json={"text": "free"}),
        lambda client, ref: client.get("/prediction", params={"text": "free", "model_version": ref}),
        lambda client, ref: client.post("/prediction", params={"model_version": ref}, json={"text": "free"}),
        lambda client, ref: client.post("/prediction", json={"text": "free", "model_version": ref}),
        lambda client, ref: client.post("/prediction", json={"text": "free"}, headers={"X-Model-Version": ref}),
    ],
    ids=["path GET", "path POST", "query GET", "query POST", "body", "header"],
)
async def test_a_call_chooses_its_version(client, how, ref):
    response = await how(client, ref)
    assert (response.json()["model_version"], response.headers["X-Model-Version"]) == ("2", "2")


async def test_a_list_chooses_its_version_too(client):
    for response in (
        await client.post("/versions/challenger/predictions", json={"texts": ["a", "b"]}),
        await client.post("/predictions", json={"texts": ["a", "b"], "model_version": 2}),
    ):
        assert [row["model_version"] for row in response.json()] == ["2", "2"]


async def test_names_of_one_version_agree(client):
    response = await client.post(
        "/versions/2/prediction", json={"text": "x", "model_version": "challenger"}, headers={"X-Model-Version": "2"}
    )
    assert response.json()["model_version"] == "2"


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/versions/1/prediction", {"model_version": "2"}, {}),
        ("/prediction?model_version=1", {"model_version": "2"}, {}),
        ("/prediction?model_version=1&model_version=2", {}, {}),
        ("/prediction", {"model_version": "1"}, {"X-Model-Version": "challenger"}),
        ("/prediction", {"model_version": "1"}, {"X-Model-Version": "nope"}),
    ],
)
async def test_two_versions_in_one_call_are_refused(client, path, body, headers):
    response = await client.post(path, json={"text": "x"} | body, headers=headers)
    assert (response.status_code, response.json()["error"]) == (400, "version_conflict")


@pytest.mark.parametrize("ref", ["9", "nope", "champion ", "🎁", "x" * 3_000])
async def test_an_unknown_version_is_refused_with_those_there_are(client, ref):
    for response in (
        await client.post("/prediction", json={"text": "x", "model_version": ref}),
        await client.get(f"/versions/{ref}/prediction", params={"text": "x"}),
        await client.get(f"/versions/{ref}"),
    ):
        assert (response.status_code, response.json()["error"]) == (404, "unknown_version")
        assert "2 = challenger, 1 = champion" in response.json()["detail"]
        assert len(response.content) < 500


async def test_compare_asks_every_version_and_says_whether_they_agree(client):
    response = await client.post("/compare", json={"text": "free prize"})
    body = response.json()
    assert [row["model_version"] for row in body["results"]] == ["2", "1"]
    assert body["agree"] is True
    assert response.headers["X-Model-Version"] == "2, 1"
    differing = (await client.post("/compare", json={"text": "win"})).json()
    assert [row["top"]["label"] for row in differing["results"]] == ["ham", "spam"]
    assert differing["agree"] is False


async def test_versions_are_listed_and_described(client, served):
    body = (await client.get("/versions")).json()
    assert body["default"] == "1" and body["refused"] == []
    assert [(row["model_version"], row["aliases"], row["default"]) for row in body["versions"]] == [
        ("2", ["challenger"], False),
        ("1", ["champion"], True),
    ]
    assert (await client.get("/versions/champion")).json() == body["versions"][1]


async def test_the_log_shows_a_caller_its_own_calls_in_order(app, client):
    await client.post("/predictions", json={"texts": ["free prize", "home"], "model_version": "2"})
    await client.get("/prediction", params={"text": "home"})
    async with client_of(app, "10.0.0.2") as other:
        await other.get("/prediction", params={"text": "secret"})
        assert [row["input"] for row in (await other.get("/recent_log")).json()] == ["secret"]
    rows = (await client.get("/recent_log")).json()
    assert [(row["index"], row["input"], row["model_version"], row["result"], row["from_cache"]) for row in rows] == [
        (0, "free prize", "2", "spam", False),
        (1, "home", "2", "ham", False),
        (2, "home", "1", "ham", False),
    ]
    assert abs((datetime.now(UTC) - datetime.fromisoformat(rows[0]["called_at"])).total_seconds()) < 60


async def test_an_empty_log_is_an_empty_array(client):
    assert (await client.get("/recent_log")).json() == []


async def test_a_long_log_arrives_in_pieces_and_whole(client, store):
    calls = [Call("10.0.0.1", timeuuid.now(), "x" * 500, "1-a", "ham", False) for _ in range(1_000)]
    await store.log(calls)
    async with client.stream("GET", "/recent_log") as response:
        body = b"".join([piece async for piece in response.aiter_bytes()])
    assert [row["index"] for row in json.loads(body)] == list(range(1_000))


async def test_one_address_is_one_caller_in_both_spellings_and_forwarding_is_not_believed(app):
    for address in ("10.0.0.7", "::ffff:10.0.0.7"):
        async with client_of(app, address) as client:
            body = (await client.get("/", headers={"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1"})).json()
            assert body["caller_id"] == "10.0.0.7"


async def test_the_root_says_what_is_served(client):
    body = (await client.get("/")).json()
    assert body["api_name"] == "test" and body["store"] == {"name": "sqlite", "up": True}
    assert (body["default"], body["versions"], body["caller_id"]) == ("1", ["2", "1"], "10.0.0.1")


async def test_a_browser_is_sent_to_the_documentation(client):
    response = await client.get("/", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (response.status_code, response.headers["Location"]) == (303, "/docs")
    page = (await client.get("/docs")).text
    for line in page.splitlines():
        assert "://" not in line, "the page loads something from elsewhere"
    assert (await client.get("/docs/swagger-ui-bundle.js")).status_code == 200


async def test_the_documented_shape_is_the_answered_one(client):
    document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/",
        "/prediction",
        "/predictions",
        "/compare",
        "/recent_log",
        "/versions",
        "/versions/{ref}",
        "/versions/{ref}/prediction",
        "/versions/{ref}/predictions",
        "/livez",
        "/readyz",
        "/metrics",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        *(
            f"/v2/models/{{name}}{version}{question}"
            for version in ("", "/versions/{version}")
            for question in ("", "/ready", "/infer")
        ),
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, response in operation["responses"].items():
                if status[0] in "45":
                    assert response["content"]["application/json"]["schema"]["$ref"].endswith("Error"), (path, status)
    answer = (await client.post("/prediction", json={"text": "free", "echo_input": True})).json()
    assert set(answer) <= set(document["components"]["schemas"]["Prediction"]["properties"])


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


async def test_texts_at_the_limits_are_answered(client):
    for text in ("x", "🎁", "x" * 10_000, "🎁" * 10_000, "'; DROP TABLE spam_cache_items; --"):
        body = (await client.post("/prediction", json={"text": text, "echo_input": True})).json()
        assert body["input"] == text
    many = await client.post("/predictions", json={"texts": [f"text {i}" for i in range(1_000)]})
    assert len(many.json()) == 1_000


async def test_a_large_body_is_refused_whether_or_not_it_says_its_length(client):
    async def pieces():
        for _ in range(MAX_BODY // 100_000 + 2):
            yield b"x" * 100_000

    for content in (b"x" * (MAX_BODY + 1), pieces()):
        response = await client.post("/predictions", content=content, headers={"Content-Type": "application/json"})
        assert (response.status_code, response.json()["error"]) == (413, "too_large")


async def test_a_body_that_does_not_arrive_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr("bentos.limits.BODY_SECONDS", 0.01)

    async def stalled():
        yield b'{"text": '
        await asyncio.Event().wait()

    response = await client.post("/prediction", content=stalled(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]) == (408, "too_slow")


async def test_a_body_just_within_the_limit_is_read(client):
    texts = ["x" * 8_300] * 1_000
    body = json.dumps({"texts": texts})
    assert MAX_BODY - 100_000 < len(body) <= MAX_BODY
    response = await client.post("/predictions", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200


async def test_what_does_not_exist_is_told_in_the_same_shape(client):
    missing = await client.get("/nope")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")
    wrong = await client.delete("/prediction")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["Allow"]


async def test_health(client):
    for path in ("/livez", "/readyz"):
        assert (await client.get(path)).status_code == 200
        assert (await client.head(path)).status_code == 200


async def test_with_nothing_promoted_it_lives_and_says_what_to_do(app, state, client):
    state.served = Served(why_empty="no version of sms-spam is promoted: run `python -m registry promote REF`")
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/")).json()["versions"] == []
    for response in (
        await client.get("/readyz"),
        await client.get("/prediction", params={"text": "a"}),
        await client.get("/prediction", params={"text": "a", "model_version": "1"}),
        await client.post("/compare", json={"text": "a"}),
        await client.get("/versions/champion"),
    ):
        assert (response.status_code, response.json()["error"]) == (503, "not_ready")
        assert "python -m registry promote" in response.json()["detail"]


async def test_without_a_champion_the_others_answer_when_named(state, client):
    state.served = Served(state.served.versions[:1])
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/prediction", params={"text": "a"})).status_code == 503
    assert (await client.get("/prediction", params={"text": "a", "model_version": "2"})).status_code == 200


async def test_a_refused_version_is_reported_and_answers_503(state, client):
    refused = Refused("3", ("candidate",), "damaged")
    state.served = Served(state.served.versions, (refused,))
    assert (await client.get("/versions")).json()["refused"] == [
        {"model_version": "3", "aliases": ["candidate"], "why": "damaged"}
    ]
    for ref in ("3", "candidate"):
        response = await client.get(f"/versions/{ref}/prediction", params={"text": "a"})
        assert response.status_code == 503 and "damaged" in response.json()["detail"]
    assert (await client.get("/readyz")).status_code == 200


async def test_a_request_keeps_the_versions_that_it_began_with(state, client):
    state.served = Served((state.served.versions[0], Loaded("9", "9-0", ("champion",), state.served.default.model)))
    assert (await client.get("/prediction", params={"text": "a"})).json()["model_version"] == "9"


async def test_the_mock_marks_every_answer(state, client):
    state.served = serve_mock()
    for path in ("/prediction", "/compare"):
        response = await client.post(path, json={"text": "free prize!"})
        for answer in response.json().get("results", [response.json()]):
            assert (answer["mock"], answer["model_version"]) == (True, "mock")
        assert response.headers["X-Model-Version"] == "mock"
    assert (await client.get("/")).json()["mock"] is True
    assert {row["model_version"] for row in (await client.get("/recent_log")).json()} == {"mock"}


async def test_a_call_that_cannot_be_logged_gets_503_and_no_inner_words(state, client, store):
    with sqlite3.connect(store.path) as db:
        db.execute("DROP TABLE spam_calls_per_caller")
    for response in (await client.get("/prediction", params={"text": "a"}), await client.get("/recent_log")):
        assert (response.status_code, response.json()["error"]) == (503, "store_unavailable")
        assert "spam.db" not in response.text and "table" not in response.text
    metrics = (await client.get("/metrics")).text
    assert "spam_log_failures_total 1.0" in metrics and 'spam_store_up{store="sqlite"} 0.0' in metrics


async def test_a_log_that_breaks_midway_is_not_an_array_that_looks_whole(state, client):
    class Dying:
        async def calls(self, caller, hour):
            yield Call(caller, timeuuid.now(), "one", "1-a", "ham", False)
            raise StoreError("gone")

    state.store = Dying()
    with pytest.raises((httpx.HTTPError, json.JSONDecodeError)):
        (await client.get("/recent_log")).json()


async def test_an_unforeseen_error_is_500_in_the_same_shape(served, client, monkeypatch):
    monkeypatch.setattr(served.default.model, "predict", lambda texts: 1 / 0)
    response = await client.get("/prediction", params={"text": "a"})
    assert (response.status_code, response.json()["error"]) == (500, "internal")
    assert "division" not in response.text


async def test_metrics_count_by_route_and_version_with_few_labels(client):
    await client.get("/prediction", params={"text": "a"})
    await client.get("/prediction", params={"text": "a"})
    await client.get("/versions/2/prediction", params={"text": "a"})
    for path in ("/nope/1", "/nope/2", "/versions/77"):
        await client.get(path)
    text = (await client.get("/metrics")).text
    for line in (
        'spam_requests_total{route="/prediction",status="200"} 2.0',
        'spam_requests_total{route="/versions/{ref}/prediction",status="200"} 1.0',
        'spam_requests_total{route="other",status="404"} 2.0',
        'spam_requests_total{route="/versions/{ref}",status="404"} 1.0',
        'spam_predictions_total{model_version="1",source="cache"} 1.0',
        'spam_predictions_total{model_version="1",source="model"} 1.0',
        'spam_predictions_total{model_version="2",source="model"} 1.0',
        'spam_request_seconds_count{route="/prediction"} 2.0',
        "spam_ready 1.0",
    ):
        assert line in text.splitlines()
    for label in ("nope", "versions/77", '"77"'):  # not 77 alone: a duration may hold it
        assert label not in text
