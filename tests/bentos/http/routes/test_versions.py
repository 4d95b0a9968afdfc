"""What is served, what is not, and why."""

from dataclasses import replace

import pytest

from bentos.versions.loaded import RefusedVersion, ServedVersions

pytestmark = pytest.mark.anyio


async def test_versions_are_listed_and_described(client, served):
    body = (await client.get("/versions")).json()
    assert body["default"] == "1" and body["refused"] == []
    assert [(row["model_version"], row["aliases"], row["default"]) for row in body["versions"]] == [
        ("2", ["challenger"], False),
        ("1", ["champion"], True),
    ]
    assert (await client.get("/versions/champion")).json() == body["versions"][1]


async def test_a_version_of_the_stand_in_says_so(service, client):
    first, second = service.served.versions
    marked = replace(first, version=replace(first.version, stand_in="a part of the corpus"))
    service.current.served = ServedVersions((marked, second))
    rows = (await client.get("/versions")).json()["versions"]
    assert [row["stand_in"] for row in rows] == ["a part of the corpus", None]


async def test_without_a_champion_the_others_answer_when_named(service, client):
    service.current.served = ServedVersions(service.served.versions[:1])
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/prediction", params={"text": "a"})).status_code == 503
    assert (await client.get("/prediction", params={"text": "a", "model_version": "2"})).status_code == 200


async def test_a_refused_version_is_reported_and_answers_503(service, client):
    refused = RefusedVersion("3", ("candidate",), "damaged")
    service.current.served = ServedVersions(service.served.versions, (refused,))
    assert (await client.get("/versions")).json()["refused"] == [
        {"model_version": "3", "aliases": ["candidate"], "why": "damaged"}
    ]
    for ref in ("3", "candidate"):
        response = await client.get(f"/versions/{ref}/prediction", params={"text": "a"})
        assert response.status_code == 503 and "damaged" in response.json()["detail"]
    assert (await client.get("/readyz")).status_code == 200
