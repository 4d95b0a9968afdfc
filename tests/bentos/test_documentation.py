"""The documentation: whole without a network, and true."""

import pytest

pytestmark = pytest.mark.anyio


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
        "/feedback",
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
