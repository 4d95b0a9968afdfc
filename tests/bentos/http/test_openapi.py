"""The documentation: whole without a network, and true."""

import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/", ["/web/page.css", "/web/page.js"]),
        ("/versions", ["/web/page.css", "/web/versions.js"]),
        ("/review", ["/web/page.css", "/web/review.js"]),
        ("/docs", ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]),
    ],
)
async def test_a_browser_gets_pages_that_load_nothing_from_elsewhere(client, path, parts):
    response = await client.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    for line in response.text.splitlines():
        assert "://" not in line
    for part in parts:
        assert part in response.text and (await client.get(part)).status_code == 200


async def test_a_program_gets_the_service_as_json(client):
    response = await client.get("/", headers={"Accept": "*/*"})
    assert response.json()["api_name"] == "test"


async def test_the_documented_shape_is_the_answered_one(client):
    document = (await client.get("/openapi.json")).json()
    assert set(document["paths"]) == {
        "/",
        "/prediction",
        "/predictions",
        "/classify",
        "/compare",
        "/recent_log",
        "/feedback",
        "/review",
        "/review/{question_id}",
        "/review/{question_id}/why",
        "/versions",
        "/versions/{ref}",
        "/versions/{ref}/prediction",
        "/versions/{ref}/predictions",
        "/versions/{ref}/report",
        "/livez",
        "/readyz",
        "/metrics",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/repository/index",
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
