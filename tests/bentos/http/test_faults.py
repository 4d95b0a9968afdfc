"""Whatever breaks, no answer shows a path of the machine."""

import pytest

from bentos.store import StoreError
from bentos.versions.loaded import RefusedVersion, ServedVersions
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

SECRET = "secret-folder"
PATH = f"/srv/{SECRET}/models/3.onnx"
CALLS = [
    ("GET", "/", None),
    ("GET", "/prediction?text=free", None),
    ("POST", "/prediction", {"text": "free"}),
    ("POST", "/predictions", {"texts": ["free", "lunch"]}),
    ("POST", "/compare", {"text": "free"}),
    ("GET", "/recent_log", None),
    ("POST", "/feedback", {"text": "free", "label": "spam"}),
    ("POST", "/feedback", {"id": "8f1c7a52-e772-11f1-9b1d-5d2f7c40a913", "label": "spam"}),
    ("GET", "/versions", None),
    ("GET", "/versions/champion", None),
    ("GET", "/versions/champion/prediction?text=free", None),
    ("POST", "/versions/champion/predictions", {"texts": ["free"]}),
    ("GET", "/readyz", None),
    ("GET", "/metrics", None),
    ("GET", "/v2/health/ready", None),
    ("GET", "/v2/models/sms-spam", None),
    ("GET", "/v2/models/sms-spam/ready", None),
    (
        "POST",
        "/v2/models/sms-spam/infer",
        {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["free"]}]},
    ),
]
FAULTS = {
    "store": StoreError(f"cannot write the SQLite file {PATH}: disk full"),
    "bug": OSError(28, "No space left on device", PATH),
}


async def bodies(app) -> list[str]:
    async with client_of(app) as client:
        return [(await client.request(method, path, json=body)).text for method, path, body in CALLS]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_store_that_fails_in_any_way(app, service, monkeypatch, fault):
    async def fail(*_):
        raise fault

    async def fail_midway(*_):
        raise fault
        yield

    for name in ("get", "put", "log", "call", "correct"):
        monkeypatch.setattr(service.store, name, fail)
    monkeypatch.setattr(service.store, "calls", fail_midway)
    monkeypatch.setattr(service.store, "state", lambda: {"up": False, "error": str(fault)})
    answers = await bodies(app)
    assert any("store_unavailable" in body or "internal" in body for body in answers)
    assert not [body for body in answers if SECRET in body]


async def test_a_model_that_fails(app, served, monkeypatch):
    def fail(texts):
        raise OSError(5, "Input/output error", PATH)

    for version in served.versions:
        monkeypatch.setattr(version.model, "classify", fail)
        monkeypatch.setattr(version.model, "classify_each", fail)
    answers = await bodies(app)
    assert any("internal" in body for body in answers) and not [body for body in answers if SECRET in body]


@pytest.mark.parametrize("versions", [(), "loaded"], ids=["nothing served", "one refused"])
async def test_a_version_that_cannot_be_loaded(app, service, served, versions):
    refused = RefusedVersion("3", ("champion",), f"cannot read '{PATH}': [Errno 5] (see file://{PATH} or \"{PATH}\")")
    service.current.served = ServedVersions(
        served.versions[:1] if versions else (), (refused,), f"the registry at sqlite:///{PATH} is locked"
    )
    answers = await bodies(app)
    assert any("cannot read" in body for body in answers) and not [body for body in answers if SECRET in body]
