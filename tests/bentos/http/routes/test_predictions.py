"""What is answered to a text, a list of them, and by which version."""

from dataclasses import replace

import pytest

from bentos.versions.loaded import ServedVersions
from bentos.versions.mock import mock_versions

pytestmark = pytest.mark.anyio


async def test_a_prediction_has_every_field_of_the_contract(client):
    response = await client.post("/prediction", json={"text": "free prize", "echo_input": True})
    assert response.status_code == 200
    assert response.headers["X-Model-Version"] == "1"
    body = response.json()
    assert body == {
        "prediction": body["prediction"],
        "top": {"label": "spam", "value": body["prediction"]["spam"]},
        "verdict": "spam",
        "input": "free prize",
        "from_cache": False,
        "source": "model",
        "model_version": "1",
        "id": body["id"],
    }
    assert list(body["prediction"]) == ["ham", "spam"] and sum(body["prediction"].values()) == pytest.approx(1)


async def test_get_and_post_answer_alike(client):
    got = await client.get("/prediction", params={"text": "free prize & more", "echo_input": "true"})
    posted = await client.post("/prediction", json={"text": "free prize & more", "echo_input": True})
    assert got.json() | {"from_cache": True, "id": posted.json()["id"]} == posted.json()


async def test_hit_and_miss_are_the_same_bytes_but_for_from_cache_and_id(client):
    miss = await client.post("/prediction", json={"text": "free"})
    hit = await client.post("/prediction", json={"text": "free"})
    assert miss.json()["id"] != hit.json()["id"]
    expected = miss.content.replace(b'"from_cache":false', b'"from_cache":true')
    assert expected.replace(miss.json()["id"].encode(), hit.json()["id"].encode()) == hit.content


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


async def test_texts_at_the_limits_are_answered(client):
    for text in ("x", "🎁", "x" * 10_000, "🎁" * 10_000, "'; DROP TABLE spam_cache_items; --"):
        body = (await client.post("/prediction", json={"text": text, "echo_input": True})).json()
        assert body["input"] == text
    many = await client.post("/predictions", json={"texts": [f"text {i}" for i in range(1_000)]})
    assert len(many.json()) == 1_000
    long = await client.post("/predictions", json={"texts": ["x" * 10_000] * 100})
    assert len(long.json()) == 100
    too_long = await client.post("/predictions", json={"texts": ["x" * 10_000] * 100 + ["a"]})
    assert (too_long.status_code, too_long.json()["error"]) == (413, "too_large")


async def test_a_request_keeps_the_versions_that_it_began_with(service, client):
    challenger, champion = service.served.versions
    newer = replace(champion, version=replace(champion.version, number="9"))
    service.current.served = ServedVersions((challenger, newer))
    assert (await client.get("/prediction", params={"text": "a"})).json()["model_version"] == "9"


async def test_the_mock_marks_every_answer(service, client):
    service.current.served = mock_versions()
    for path in ("/prediction", "/compare"):
        response = await client.post(path, json={"text": "free prize!"})
        for answer in response.json().get("results", [response.json()]):
            assert (answer["mock"], answer["model_version"]) == (True, "mock")
        assert response.headers["X-Model-Version"] == "mock"
    assert (await client.get("/")).json()["mock"] is True
    assert {row["model_version"] for row in (await client.get("/recent_log")).json()} == {"mock"}
