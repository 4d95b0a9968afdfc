"""Both clients on the application itself, and what they do where it does not answer."""

import inspect
import json
import subprocess
import sys
from dataclasses import replace

import httpx
import pytest

from bentos.callers.keys import Keys, add_line, new_key
from bentos.callers.rate_limits import RateLimits
from bentos.client import (
    AsyncClient,
    Client,
    InvalidCall,
    MissingRight,
    NotAllowed,
    NotFound,
    Retries,
    TooManyCalls,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from bentos.http.app import create_app
from bentos.versions.loaded import ServedVersions

pytestmark = pytest.mark.anyio

ANSWER = {"label": "spam", "input": "a", "predicted": None}  # of /feedback


def calling(app, **options) -> AsyncClient:
    return AsyncClient("http://test", transport=httpx.ASGITransport(app), **options)


@pytest.fixture
async def spam(app):
    async with calling(app) as spam:
        yield spam


def test_both_clients_have_the_same_methods():
    names = [name for name in vars(Client) if not name.startswith("_")]
    assert names == [name for name in vars(AsyncClient) if not name.startswith("_")]
    for name in names:
        assert inspect.signature(getattr(Client, name)) == inspect.signature(getattr(AsyncClient, name)), name


def test_importing_it_imports_nothing_of_the_service():
    heavy = ("bentoml", "fastapi", "mlflow", "numpy", "onnxruntime", "pydantic")
    code = f"import sys, bentos.client; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


async def test_one_text(spam):
    answer = await spam.predict("free", model_version="challenger", echo_input=True, skip_cache=True)
    assert (answer.model_version, answer.input, answer.from_cache, answer.label) == ("2", "free", False, "ham")
    assert answer.prediction["ham"] == answer.top.value and answer.verdict == "ham" and not answer.unfamiliar
    assert (await spam.predict("free", model_version="2")).from_cache


async def test_an_explanation(service, served, spam):
    artifacts = [replace(version, model=version.model.model) for version in served.versions]  # only they explain
    service.current.served = ServedVersions(tuple(artifacts))
    answer = await spam.predict("win at home", explain=True)
    assert [weight.words for weight in answer.explanation] == ["win", "at", "home"]


async def test_many_texts_are_answered_in_order_by_several_calls(spam, served):
    texts = [f"{('free', 'lunch')[i % 2]} {i}" for i in range(7)]
    answers = await spam.predict_many(iter(texts), echo_input=True, list_size=3)
    assert [answer.input for answer in answers] == texts
    assert [len(run) for run in served.default.model.runs] == [3, 3, 1]
    assert await spam.predict_many([]) == []


async def test_the_other_calls(spam, half_past):
    comparison = await spam.compare("free")
    assert [answer.model_version for answer in comparison.results] == ["2", "1"] and not comparison.agree
    versions = await spam.versions()
    assert (versions.default, versions.versions[0].aliases, versions.routing.shares) == ("1", ["challenger"], {})
    first, *_ = await spam.recent_log()
    assert (first.input, first.model_version, first.index) == ("free", "2", 0)
    assert (await spam.feedback("ham", id=comparison.results[1].id)).predicted == "spam"
    assert (await spam.feedback("spam", text="a")).predicted is None


@pytest.mark.parametrize(
    ("text", "options", "kind", "status", "reason"),
    [
        (" ", {}, InvalidCall, 422, "invalid"),
        ("a", {"model_version": "9"}, NotFound, 404, "unknown_version"),
        ("x" * 9_000_000, {}, InvalidCall, 413, "too_large"),
    ],
)
async def test_a_refusal_has_the_services_reason(spam, text, options, kind, status, reason):
    with pytest.raises(kind) as caught:
        await spam.predict(text, **options)
    error = caught.value
    assert (type(error), error.status, error.reason) == (kind, status, reason) and reason in str(error)
    assert error.detail and error.request_id


async def test_a_key_is_sent(service, tmp_path):
    key, line = new_key("web")
    add_line(tmp_path / "keys", line)
    app = create_app(replace(service, keys=Keys(tmp_path / "keys")))
    async with calling(app, api_key=key) as spam, calling(app) as stranger:
        assert (await spam.predict("free")).label == "spam"
        with pytest.raises(NotAllowed, match="no_key"):
            await stranger.predict("free")


async def test_a_right_that_is_missing_is_an_error_of_its_own(service, tmp_path):
    key, line = new_key("bea", frozenset({"review"}))
    add_line(tmp_path / "keys", line)
    async with calling(create_app(replace(service, keys=Keys(tmp_path / "keys"))), api_key=key) as spam:
        with pytest.raises(MissingRight, match=r"403 no_right: .*`predict`") as caught:
            await spam.predict("free")
    assert isinstance(caught.value, NotAllowed)


async def test_a_pause_that_is_too_long_is_not_waited_for(service):
    async with calling(create_app(replace(service, rate_limits=RateLimits("1/day")))) as spam:
        await spam.predict("free")
        with pytest.raises(TooManyCalls) as caught:
            await spam.predict("free")
        assert caught.value.retry_after > 30


class Script:
    """A transport that answers with the given responses and errors, one a request; the last again and again."""

    def __init__(self, *outcomes: httpx.Response | Exception) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def busy(status: int, after: str | None = "0", content: bytes = b"{}") -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": after} if after else {}, content=content)


REFUSED = httpx.ConnectError("refused")


@pytest.mark.parametrize(
    ("outcomes", "sent"),
    [
        ([busy(429)], 2),
        ([busy(503), busy(429), busy(503)], 4),
        ([REFUSED, REFUSED], 3),
        ([httpx.ConnectTimeout("slow"), busy(503)], 3),
    ],
)
def test_a_call_is_sent_again_where_that_is_safe(outcomes, sent):
    script = Script(*outcomes, httpx.Response(200, json=ANSWER))
    with Client("http://test", transport=httpx.MockTransport(script)) as spam:
        assert spam.feedback("spam", text="a").label == "spam"
    assert len(script.sent) == sent and len({request.content for request in script.sent}) == 1
    assert json.loads(script.sent[0].content) == {"label": "spam", "text": "a"}


@pytest.mark.parametrize(
    ("outcome", "kind", "sent"),
    [
        (busy(503), Unavailable, 3),
        (busy(503, after=None), Unavailable, 1),
        (busy(503, after="31"), Unavailable, 1),
        (busy(503, after="Wed, 21 Oct 2015 07:28:00 GMT"), Unavailable, 1),
        (busy(500), Unavailable, 1),
        (busy(502, content=b"<html>"), Unavailable, 1),
        (busy(413), InvalidCall, 1),
        (REFUSED, Unreachable, 3),
        (httpx.ReadTimeout("slow"), Unreachable, 1),
        (httpx.RemoteProtocolError("gone"), Unreachable, 1),
        (httpx.Response(200, content=b"<html>"), UnexpectedAnswer, 1),
        (httpx.Response(200, json=[]), UnexpectedAnswer, 1),
        (httpx.Response(200, json={"label": "spam"}), UnexpectedAnswer, 1),
    ],
)
def test_a_call_that_fails_is_sent_as_often_as_is_safe_and_no_more(outcome, kind, sent):
    script = Script(outcome)
    spam = Client("http://test", transport=httpx.MockTransport(script), retries=Retries(times=2))
    with spam, pytest.raises(kind) as caught:
        spam.feedback("spam", text="a")
    assert type(caught.value) is kind and str(caught.value) and len(script.sent) == sent
