"""What callers may do: by the rights of their keys, or where there are no keys by their address."""

from dataclasses import replace

import pytest

from bentos.callers.keys import Keys, add_line, new_key
from bentos.callers.proxies import Proxies
from bentos.callers.rate_limits import RateLimits
from bentos.callers.rights import RIGHTS
from bentos.http.app import create_app
from bentos.http.middleware.authentication import is_open
from bentos.http.problems import HIDDEN
from bentos.http.rights import BY_FIRST_PART
from bentos.versions.loaded import RefusedVersion, ServedVersions
from registry.versions import Version
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

NEEDING_PREDICT = ("/prediction?text=a", "/recent_log", "/versions", "/versions/1", "/v2", "/v2/models/sms-spam/ready")
OPERATIONS = ("/metrics", "/versions/1/report")
PROBES = ("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready")
WHY = "damaged, its digest is not that of the registry"


@pytest.fixture
def served(served, tmp_path) -> ServedVersions:
    """Toys with reports, and one that is refused."""
    (tmp_path / "report.html").write_text("<h1>Report</h1>")
    versions = tuple(replace(version, report=tmp_path / "report.html") for version in served.versions)
    broken = Version("3", ("candidate",), "0" * 64, "toy", versions[0].version.created_at, {})
    return ServedVersions(versions, refused=(RefusedVersion(broken.number, broken.aliases, WHY),))


@pytest.fixture
def keys(tmp_path) -> tuple[Keys, dict[str, dict[str, str]]]:
    """A file with a key for each right alone, and the header that sends it."""
    file, headers = tmp_path / "keys", {}
    for right in RIGHTS:
        key, line = new_key(f"may-{right}", frozenset({right}))
        add_line(file, line)
        headers[right] = {"X-API-Key": key}
    return Keys(file), headers


@pytest.fixture
async def protected(service, keys):
    """A client of a service with PROTECT_OPERATIONS that allows three calls a day."""
    limited = replace(service, rate_limits=RateLimits("3/day"))
    async with client_of(create_app(replace(limited, keys=keys[0], protect_operations=True))) as client:
        yield client


def paths_of(routes) -> list[str]:
    """The paths of routes; a router that the application includes has none of its own (FastAPI)."""
    paths = []
    for route in routes:
        router = getattr(route, "original_router", None)
        paths += paths_of(router.routes) if router else [route.path]
    return paths


async def test_every_route_has_a_right_or_is_open(app):
    paths = paths_of(app.routes)
    assert {"/", "/prediction", "/metrics", "/v2/repository/index", "/docs/start.js", "/web"} <= set(paths)
    for path in paths:
        assert path == "/web" or is_open({"path": path, "headers": []}) or path.split("/")[1] in BY_FIRST_PART, path


async def test_a_key_without_the_right_is_told_which_one_is_missing(service, keys):
    async with client_of(create_app(replace(service, keys=keys[0]))) as client:
        for path in (*NEEDING_PREDICT, "/review"):
            right = "review" if path == "/review" else "predict"
            answer = await client.get(path, headers=keys[1]["operate"])
            challenge = f'Bearer realm="sms-spam", error="insufficient_scope", scope="{right}"'
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (403, challenge), path
            assert f"`{right}`" in answer.text and ("no_right" in answer.text or path.startswith("/v2")), path
            assert (await client.get(path, headers=keys[1][right])).status_code != 403, path
        for post in ("/feedback", "/compare", "/classify", "/predictions", "/v2/models/sms-spam/infer"):
            assert (await client.post(post, headers=keys[1]["review"], json={})).status_code == 403, post
        for right in RIGHTS:
            answer = await client.get("/", headers=keys[1][right])
            assert answer.json()["rights"] == [right] and answer.json()["caller_id"] == f"may-{right}"
            assert (await client.get("/nowhere", headers=keys[1][right])).status_code == 404


async def test_operations_are_open_unless_they_are_protected(service, keys):
    async with client_of(create_app(replace(service, keys=keys[0]))) as client:
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/versions/1/report", headers=keys[1]["predict"])).status_code == 200
        problems = (await client.get("/", headers=keys[1]["review"])).json()["problems"]
        assert problems == [f"version 3 cannot be served: {WHY}"]


async def test_protected_operations_need_a_key_with_that_right_and_probes_need_none(protected, keys):
    for path in OPERATIONS:
        assert (await protected.get(path)).status_code == 401, path
        refused = await protected.get(path, headers=keys[1]["predict"])
        assert refused.status_code == 403 and "`operate`" in refused.json()["detail"], path
        assert (await protected.get(path, headers=keys[1]["operate"])).status_code == 200, path
    for path in PROBES:
        assert (await protected.get(path)).status_code == 200, path


async def test_protected_metrics_are_read_however_often(protected, keys):
    statuses = [(await protected.get("/metrics", headers=keys[1]["operate"])).status_code for _ in range(5)]
    assert statuses == [200] * 5


async def test_what_is_wrong_is_told_to_operators_alone(protected, keys):
    assert (await protected.get("/", headers=keys[1]["review"])).json()["problems"] == [HIDDEN]
    assert WHY in (await protected.get("/", headers=keys[1]["operate"])).text
    served = (await protected.get("/versions", headers=keys[1]["predict"])).json()
    assert served["refused"] == [{"model_version": "3", "aliases": ["candidate"], "why": HIDDEN}]
    index = await protected.post("/v2/repository/index", headers=keys[1]["predict"])
    assert HIDDEN in index.text and WHY not in index.text


async def test_the_document_says_which_operations_need_which_right(protected):
    paths = (await protected.get("/openapi.json")).json()["paths"]
    for path in ("/metrics", "/versions/{ref}/report"):
        assert "`operate`" in paths[path]["get"]["responses"]["403"]["description"]
        assert "security" not in paths[path]["get"], "the document's own holds: a key"
    assert paths["/readyz"]["get"]["security"] == [] and "403" not in paths["/readyz"]["get"]["responses"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "local"),
    [
        ("127.0.0.1", None, "", True),
        ("127.8.9.10", None, "", True),
        ("::1", None, "", True),
        ("::ffff:127.0.0.1", None, "", True),
        ("10.0.0.1", None, "", False),
        ("10.0.0.1", "127.0.0.1", "", False),
        ("127.0.0.1", "1.2.3.4", "", False),  # a proxy that nobody has named
        ("127.0.0.1", "1.2.3.4", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.1, 1.2.3.4", "127.0.0.1", False),
        ("127.0.0.1", "1.2.3.4, 127.0.0.1", "127.0.0.0/8", False),
        ("127.0.0.1", "unknown", "127.0.0.1", False),
        ("127.0.0.1", None, "127.0.0.1", True),
        ("10.0.0.1", "127.0.0.1", "10.0.0.1", True),
        ("127.0.0.1", "127.0.0.1," * 1_000, "", False),
    ],
)
async def test_without_keys_only_this_machine_has_all_rights(service, peer, forwarded, trusted, local):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    async with client_of(create_app(replace(service, proxies=Proxies(trusted))), peer) as client:
        answer = await client.get("/", headers=headers)
        assert answer.json()["rights"] == (list(RIGHTS) if local else ["predict"])
        assert (await client.get("/versions", headers=headers)).status_code == 200
        refused = await client.get("/review", headers=headers)
        assert (refused.status_code == 403) is not local
        assert "WWW-Authenticate" not in refused.headers, "there is no key that would help"
