"""What `/metrics` says of each version and of the store."""

import platform
from dataclasses import replace

import bentoml
import pytest

from bentos.answering.log_health import LogHealth
from bentos.answering.memory_cache import MemoryCache
from bentos.answering.own_labels import OwnLabels
from bentos.answering.predictor import Predictor
from bentos.http.app import create_app
from bentos.store import StoreError
from bentos.store.resilient import ResilientStore
from bentos.store.spool import Spool
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

TEXTS = ["free prize", "lunch at home", "free prize"]


async def lines(client) -> list[str]:
    return (await client.get("/metrics")).text.splitlines()


async def test_hits_and_misses_labels_and_probabilities_of_a_version_add_up_to_its_texts(client):
    for _ in range(2):
        await client.post("/predictions", json={"texts": TEXTS})
    await client.post("/prediction", json={"text": "free", "model_version": "2"})
    told = await lines(client)
    assert 'spam_predictions_total{model_version="1",source="cache"} 3.0' in told
    assert 'spam_predictions_total{model_version="1",source="model"} 3.0' in told
    for label, many in (("spam", 4.0), ("ham", 2.0)):
        assert f'spam_labels_total{{label="{label}",model_version="1"}} {many}' in told
        assert f'spam_probability_count{{label="{label}",model_version="1"}} {many}' in told
    assert 'spam_probability_bucket{label="spam",le="0.99",model_version="1"} 0.0' in told  # "free prize": .9933
    assert 'spam_probability_bucket{label="spam",le="0.999",model_version="1"} 4.0' in told
    assert 'spam_version_call_seconds_count{model_version="1"} 2.0' in told
    assert 'spam_version_call_seconds_count{model_version="2"} 1.0' in told
    assert 'spam_version_call_errors_total{model_version="1"} 0.0' in told


async def test_a_call_that_a_version_cannot_answer_is_its_error(client, store, monkeypatch):
    async def broken(calls):
        raise StoreError("full")

    monkeypatch.setattr(store, "log", broken)
    assert (await client.get("/prediction", params={"text": "free", "model_version": "2"})).status_code == 503
    told = await lines(client)
    assert 'spam_version_call_errors_total{model_version="2"} 1.0' in told
    assert 'spam_version_call_seconds_count{model_version="2"} 0.0' in told


async def test_the_spool_and_a_store_that_is_away_are_seen(service, metrics, pool, tmp_path):
    async def unreachable():
        raise StoreError("no route")

    store = ResilientStore("cassandra", unreachable, Spool(tmp_path / "spool.db"))
    await store.start()
    predictor = Predictor(store, metrics, pool, LogHealth(store), OwnLabels(store), MemoryCache(0), lambda *_: None)
    changed = {"store": store, "predictor": predictor}
    async with client_of(create_app(replace(service, **changed))) as client:
        assert (await client.post("/predictions", json={"texts": TEXTS})).status_code == 200
        told = await lines(client)
    await store.close()
    assert 'spam_store_up{store="cassandra"} 0.0' in told and "spam_spool_rows 3.0" in told


async def test_each_alias_of_a_served_version_has_its_digest_and_variant_until_it_has_gone(client, service, served):
    new, old = served.versions
    both = replace(old, version=replace(old.version, aliases=("champion", "workshop")))
    none = replace(new, version=replace(new.version, aliases=()))
    service.current.served = replace(served, versions=(none, both))
    info = [line for line in await lines(client) if line.startswith("spam_version_info{")]
    expected = [(new, "2", ""), (old, "1", "champion"), (old, "1", "workshop")]
    assert info == [
        f'spam_version_info{{alias="{alias}",digest="{v.version.digest}",model_version="{number}",variant="toy"}} 1.0'
        for v, number, alias in expected
    ]
    service.current.served = replace(served, versions=(both,))
    assert not [line for line in await lines(client) if line.startswith("spam_version_info{") and '"2"' in line]


async def test_the_build_names_what_runs(client):
    (info,) = [line for line in await lines(client) if line.startswith("spam_build_info{")]
    assert f'python="{platform.python_version()}"' in info and f'bentoml="{bentoml.__version__}"' in info
    assert 'bento="sms-spam:not available"' in info and info.endswith(" 1.0")
