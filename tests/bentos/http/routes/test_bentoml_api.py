"""BentoML's own client finds a method `classify`, which answers as /predictions does."""

from dataclasses import replace

import bentoml
import pytest
from bentoml.exceptions import BentoMLException

from bentos.callers.keys import Keys, add_line, new_key
from bentos.callers.rate_limits import RateLimits
from bentos.http.app import create_app
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


def bentoml_client(app, **options) -> bentoml.AsyncHTTPClient:
    client = bentoml.AsyncHTTPClient("http://test", **options)
    client.app = app  # it calls the application itself, without a server
    return client


@bentoml.service(name="test")
class Reference:
    """What BentoML itself tells of such a method."""

    @bentoml.api
    def classify(
        self, texts: list[str], echo_input: bool = False, skip_cache: bool = False, model_version: str | None = None
    ) -> list[dict]:
        return []


async def test_the_schema_has_the_shape_of_bentomls_own(client):
    told, reference = (await client.get("/schema.json")).json(), Reference.schema()
    assert told.keys() == reference.keys() and (told["name"], told["type"]) == ("test", "service")
    (method,), (expected,) = told["routes"], reference["routes"]
    assert method.keys() - {"doc", "description"} == expected.keys() - {"doc", "description"}
    for name in ("name", "route", "batchable", "is_task"):
        assert method[name] == expected[name]
    assert method["input"]["properties"].keys() == expected["input"]["properties"].keys()
    assert method["input"]["required"] == expected["input"]["required"] == ["texts"]
    assert method["output"]["type"] == expected["output"]["type"] == "array"
    assert told["paths"]["/classify"] == reference["paths"]["/classify"] and "/prediction" in told["paths"]


async def test_the_client_calls_a_method_as_it_does_of_any_bentoml_service(app, client):
    async with bentoml_client(app) as service:
        answers = await service.classify(["free prize", "lunch"])
        assert [answer["top"]["label"] for answer in answers] == ["spam", "ham"]
        plain = await client.post("/predictions", json={"texts": ["free prize", "lunch"]})
        assert [a["prediction"] for a in answers] == [row["prediction"] for row in plain.json()]
        assert all(row["from_cache"] for row in plain.json()), "both ways share the cache"
        (answer,) = await service.classify(texts="free", model_version="challenger", echo_input=True, skip_cache=True)
        assert (answer["model_version"], answer["input"], answer["from_cache"]) == ("2", "free", False)


async def test_its_calls_are_logged_under_their_caller(app, client, half_past):
    await client.post("/classify", json={"texts": ["free", "lunch"]})
    await client.post("/classify", json={"texts": "one"})
    assert [row["input"] for row in (await client.get("/recent_log")).json()] == ["free", "lunch", "one"]


async def test_its_texts_are_limited_and_its_errors_say_why(service):
    app = create_app(replace(service, rate_limits=RateLimits("5/hour")))
    async with bentoml_client(app) as calling:
        await calling.classify(["a", "b", "c"])
        with pytest.raises(BentoMLException, match="too_often") as caught:
            await calling.classify(["d", "e", "f"])
        assert caught.value.error_code == 429


@pytest.mark.parametrize("texts", ["", " ", [], ["a", " "], ["a"] * 1_001, [1], 1, None])
async def test_what_is_no_text_is_refused(app, texts):
    async with client_of(app) as client:
        response = await client.post("/classify", json={"texts": texts})
    assert (response.status_code, response.json()["error"]) == (422, "invalid")


async def test_versions_that_differ_are_refused(client):
    response = await client.post("/classify?model_version=1", json={"texts": "a", "model_version": "2"})
    assert (response.status_code, response.json()["error"]) == (400, "version_conflict")


async def test_a_call_needs_a_key_where_calls_do_and_the_schema_none(service, tmp_path):
    key, line = new_key("web")
    add_line(tmp_path / "keys", line)
    app = create_app(replace(service, keys=Keys(tmp_path / "keys")))
    async with bentoml_client(app, token=key) as calling:
        assert len(await calling.classify("free")) == 1
    async with bentoml_client(app) as calling:
        with pytest.raises(BentoMLException, match="no_key"):
            await calling.classify("free")


async def test_bentomls_other_paths_answer(client):
    assert (await client.get("/docs.json")).json() == (await client.get("/openapi.json")).json()
    for ask in (client.get, client.head):
        assert (await ask("/healthz")).status_code == 200
