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


async def test_a_report_is_a_page_that_may_do_nothing(service, client, tmp_path):
    (tmp_path / "report.html").write_text("<h1>Größe</h1>")
    first, second = service.served.versions
    service.current.served = ServedVersions((first, replace(second, report=tmp_path / "report.html")))
    rows = (await client.get("/versions")).json()["versions"]
    assert [row["report"] for row in rows] == [None, "/versions/1/report"]
    response = await client.get("/versions/champion/report")
    assert response.text == "<h1>Größe</h1>" and response.headers["X-Model-Version"] == "1"
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "img-src data:", "sandbox"} < set(policy)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_a_version_without_a_report_says_so(service, client, tmp_path):
    deleted = replace(service.served.versions[0], report=tmp_path / "deleted.html")
    service.current.served = ServedVersions((deleted, service.served.versions[1]))
    for ref in ("1", "2"):
        response = await client.get(f"/versions/{ref}/report")
        assert response.status_code == 404
        assert response.json() == {"error": "no_report", "detail": f"version {ref} has no report"}
    assert (await client.get("/versions/9/report")).json()["error"] == "unknown_version"


async def test_without_a_champion_the_others_answer_when_named(service, client):
    service.current.served = ServedVersions(service.served.versions[:1])
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/prediction", params={"text": "a"})).status_code == 503
    assert (await client.get("/prediction", params={"text": "a", "model_version": "2"})).status_code == 200


async def test_a_version_whose_source_is_harmed_answers_on_and_that_is_said(service, client):
    served = service.served
    harmed = replace(served.versions[1], source_problem="/srv/artifacts/version: cannot read model.onnx")
    service.current.served = replace(served, versions=(served.versions[0], harmed))
    rows = (await client.get("/versions")).json()["versions"]
    assert [row["source_problem"] for row in rows] == [None, "version: cannot read model.onnx"]
    assert "version 1: version: cannot read model.onnx" in (await client.get("/")).json()["problems"]
    assert (await client.get("/prediction", params={"text": "a"})).json()["model_version"] == "1"
    gauge = 'spam_version_source_problem{model_version="%d"} %.1f'
    told = (await client.get("/metrics")).text.splitlines()
    assert gauge % (1, 1) in told and gauge % (2, 0) in told
    service.current.served = replace(served, versions=served.versions[:1])
    assert gauge % (1, 0) in (await client.get("/metrics")).text.splitlines(), "it is not served any more"


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
