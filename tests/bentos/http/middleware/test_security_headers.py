"""What answers tell browsers, and which web sites may call."""

from dataclasses import replace

import pytest

from bentos.http.app import create_app
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

SITE = "https://shop.example"


async def test_answers_are_neither_kept_nor_guessed_at_nor_framed(client):
    for path in ("/prediction?text=a", "/recent_log", "/nowhere", "/livez", "/v2", "/prediction?text=%ff"):
        headers = (await client.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/versions"])
async def test_a_page_may_load_files_of_its_own_and_no_script_or_style_inside_it(client, path):
    headers = (await client.get(path, headers={"Accept": "text/html"})).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"] and policy["require-trusted-types-for"] == "'script'"
    assert headers["Vary"] == "Accept" and headers["Cache-Control"] == "no-store"


async def test_the_documentation_may_load_its_own_files_and_nothing_else(client):
    response = await client.get("/docs")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "script-src" not in policy
    assert "<script>" not in response.text and "onload" not in response.text  # the policy refuses scripts in the page
    for file in ("start.js", "swagger-ui-bundle.js", "swagger-ui.css"):
        response = await client.get(f"/docs/{file}")
        assert f'"/docs/{file}"' in (await client.get("/docs")).text
        assert response.status_code == 200 and "max-age" in response.headers["Cache-Control"]


async def test_no_web_site_may_call_unless_it_is_named(client, service):
    preflight = {"Origin": SITE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    assert "Access-Control-Allow-Origin" not in (await client.get("/versions", headers={"Origin": SITE})).headers
    app = create_app(replace(service, cors_origins=(SITE,)))
    async with client_of(app) as named:
        answer = await named.get("/versions", headers={"Origin": SITE})
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        assert "X-Model-Version" in answer.headers["Access-Control-Expose-Headers"]
        refused = await named.get("/nowhere", headers={"Origin": SITE})
        assert refused.headers["Access-Control-Allow-Origin"] == SITE
        asked = await named.options("/prediction", headers=preflight)
        assert asked.status_code == 200 and "X-API-Key" in asked.headers["Access-Control-Allow-Headers"]
        other = await named.options("/prediction", headers=preflight | {"Origin": "https://other.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
