"""What the service says of itself."""

import pytest

from bentos.versions.loaded import ServedVersions
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


async def test_one_address_is_one_caller_in_both_spellings_and_forwarding_is_not_believed(app):
    for address in ("10.0.0.7", "::ffff:10.0.0.7"):
        async with client_of(app, address) as client:
            body = (await client.get("/", headers={"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1"})).json()
            assert body["caller_id"] == "10.0.0.7"


async def test_the_root_says_what_is_served(client):
    body = (await client.get("/")).json()
    assert body["api_name"] == "test" and body["store"] == {"name": "sqlite", "up": True}
    assert (body["default"], body["versions"], body["caller_id"]) == ("1", ["2", "1"], "10.0.0.1")


async def test_health(client):
    for path in ("/livez", "/readyz"):
        assert (await client.get(path)).status_code == 200
        assert (await client.head(path)).status_code == 200


async def test_with_nothing_promoted_it_lives_and_says_what_to_do(app, service, client):
    service.current.served = ServedVersions(
        problem="no version of sms-spam is promoted: run `python -m registry promote REF`"
    )
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


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("sqlite:////srv/secret/mlflow.db has no model sms-spam yet: run `make up`", "run `make up`"),
        ("the model registry cannot be read: the registry at http://secret.example: no", "the log and /versions"),
    ],
)
async def test_who_shows_no_key_reads_neither_path_nor_address(service, client, why, hint):
    service.current.served = ServedVersions(problem=why)
    for path in ("/readyz", "/v2/health/ready"):
        response = await client.get(path)
        assert response.status_code == 503 and hint in response.text and "secret" not in response.text


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
        'spam_request_seconds_count{route="/prediction",status="200"} 2.0',
        "spam_ready 1.0",
    ):
        assert line in text.splitlines()
    for label in ("nope", "versions/77", '"77"'):  # not 77 alone: a duration may hold it
        assert label not in text
