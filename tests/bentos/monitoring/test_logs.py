"""What a request leaves in the log, and the id that connects it with the answer."""

import json
import logging

import pytest

from bentos.monitoring import logs
from bentos.settings import Settings
from bentos.store import StoreError

pytestmark = pytest.mark.anyio


@pytest.fixture
def configured(monkeypatch, capsys):
    """A function that configures the log, and one that returns the lines since; all is as before after the test."""
    told = (logging.root, logs.requests, logs.texts)
    levels = [logger.level for logger in told]
    monkeypatch.setattr(logging.root, "handlers", [])

    def configure(**settings) -> None:
        logs.configure(Settings(_env_file=None, **settings))

    yield configure, lambda: capsys.readouterr().err.splitlines()
    for logger, level in zip(told, levels, strict=True):
        logger.setLevel(level)
    logging.captureWarnings(False)


async def test_a_sound_request_id_is_kept_and_any_other_replaced(client):
    async def given(**headers: str) -> str:
        return (await client.get("/prediction", params={"text": "a"}, headers=headers)).headers["X-Request-ID"]

    assert await given(**{"X-Request-ID": "7f3a:job/12.b=1"}) == "7f3a:job/12.b=1"
    made = [
        await given(),
        await given(),
        await given(**{"X-Request-ID": "a b"}),
        await given(**{"X-Request-ID": "a" * 129}),
    ]
    assert len(set(made)) == 4 and all(len(one) == 16 and int(one, 16) >= 0 for one in made)


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/prediction", 422), ("/versions/9", 404)])
async def test_a_refusal_has_its_id_too(client, path, status):
    response = await client.get(path, headers={"X-Request-ID": "mine"})
    assert (response.status_code, response.headers["X-Request-ID"]) == (status, "mine")


async def test_each_request_is_one_line_of_json_without_its_text(client, configured):
    configure, lines = configured
    configure(log_format="json")
    await client.get("/prediction", params={"text": "secret words"}, headers={"X-Request-ID": "one"})
    await client.post("/predictions", json={"texts": []})
    first, second = map(json.loads, written := lines())
    assert first.pop("ms") > 0 and first.pop("time") and first.pop("process")
    assert first == {
        "level": "info",
        "logger": "bentos.requests",
        "message": "GET /prediction 200",
        "method": "GET",
        "route": "/prediction",
        "status": 200,
        "caller": "10.0.0.1",
        "version": "1",
        "request_id": "one",
    }
    assert (second["route"], second["status"]) == ("/predictions", 422) and "version" not in second
    assert "secret" not in "".join(written)


async def test_plain_lines_are_told_when_asked_for_and_texts_cannot_pose_as_others(client, configured):
    configure, lines = configured
    configure()
    await client.get("/prediction", params={"text": "a"})
    assert lines() == []
    configure(access_log=True, log_texts=True)
    text = "b\n2026-01-01 00:00:00 INFO forged"
    await client.get("/prediction", params={"text": text}, headers={"X-Request-ID": "two"})
    answered, request = lines()
    assert repr(text) in answered and "label=ham" in answered and answered.endswith("request_id=two")
    assert "GET /prediction 200" in request and request.endswith("version=1 request_id=two")


async def test_an_error_of_the_service_names_the_id_under_which_its_traceback_is(
    client, service, configured, monkeypatch
):
    configure, lines = configured
    configure(log_format="json")

    def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(service.served.default.model, "classify_each", broken)
    response = await client.get("/prediction", params={"text": "secret"}, headers={"X-Request-ID": "three"})
    assert (response.status_code, response.headers["X-Request-ID"]) == (500, "three")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.json()["error"] == "internal" and "three" in response.json()["detail"]
    error, request = map(json.loads, lines())
    assert (error["level"], error["request_id"]) == ("error", "three")
    assert "RuntimeError: on purpose" in error["traceback"] and "predictor.py" in error["traceback"]
    assert request["status"] == 500


async def test_a_notice_has_the_id_of_the_request_that_it_is_about(client, store, configured, monkeypatch):
    configure, lines = configured
    configure(log_format="json", access_log=False)

    async def away(version: str, texts: list[str]) -> None:
        raise StoreError("away")

    monkeypatch.setattr(store, "get", away)
    await client.get("/prediction", params={"text": "a"}, headers={"X-Request-ID": "four"})
    (notice,) = map(json.loads, lines())
    assert (notice["level"], notice["message"], notice["request_id"]) == ("warning", "cache not read: away", "four")
