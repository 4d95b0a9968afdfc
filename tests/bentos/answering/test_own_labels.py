"""A caller who corrected a text gets their own label for it, and nobody else does."""

import pytest

from bentos.answering import own_labels
from bentos.answering.own_labels import OwnLabels
from bentos.store import Correction, StoreError, timeuuid
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio

TEXT = "lunch at  noon"


@pytest.fixture
async def corrected(app):
    """The caller 10.0.0.1 has said that TEXT is spam; the model says ham."""
    async with client_of(app) as client:
        assert (await client.post("/prediction", json={"text": TEXT})).json()["top"]["label"] == "ham"
        assert (await client.post("/feedback", json={"text": TEXT, "label": "spam"})).status_code == 200
        yield client


async def test_the_caller_gets_their_own_label_at_once_and_it_says_so(corrected):
    answer = (await corrected.post("/prediction", json={"text": TEXT})).json()
    assert answer["source"] == "correction" and answer["prediction"] == {"ham": 0.0, "spam": 1.0}
    assert answer["top"] == {"label": "spam", "value": 1.0} and answer["verdict"] == "spam"
    assert not answer["from_cache"]


async def test_the_same_text_in_disguise_is_the_same_text(corrected):
    answer = (await corrected.post("/prediction", json={"text": "lunch\u200b at noon"})).json()
    assert (answer["source"], answer["top"]["label"]) == ("correction", "spam")


async def test_a_list_mixes_own_labels_and_the_models(corrected):
    texts = [TEXT, "win a prize", TEXT, "lunch"]
    answers = (await corrected.post("/predictions", json={"texts": texts, "skip_cache": True})).json()
    assert [answer["source"] for answer in answers] == ["correction", "model", "correction", "model"]
    assert [answer["top"]["label"] for answer in answers] == ["spam", "spam", "spam", "ham"]


async def test_other_callers_and_their_cache_know_nothing_of_it(app, corrected, store, served):
    assert (await corrected.post("/prediction", json={"text": TEXT})).json()["source"] == "correction"
    async with client_of(app, "10.0.0.2") as other:
        answer = (await other.post("/prediction", json={"text": TEXT})).json()
    assert (answer["source"], answer["top"]["label"], answer["from_cache"]) == ("model", "ham", True)
    kept = (await store.get(served.default.key, [TEXT]))[TEXT]
    assert max(kept, key=kept.get) == "ham"


async def test_the_routes_of_versions_show_what_the_versions_say(corrected):
    answer = (await corrected.post("/versions/champion/prediction", json={"text": TEXT})).json()
    compared = (await corrected.post("/compare", json={"text": TEXT})).json()["results"]
    assert {row["source"] for row in [answer, *compared]} == {"model"}


async def test_the_log_says_who_answered_and_agreement_is_counted_of_models_alone(corrected):
    answer = (await corrected.post("/prediction", json={"text": TEXT})).json()
    rows = (await corrected.get("/recent_log")).json()
    assert [(row["source"], row["probability"] is None) for row in rows] == [("model", False), ("correction", True)]
    said = (await corrected.post("/feedback", json={"id": answer["id"], "label": "spam"})).json()
    assert said["predicted"] is None
    metrics = (await corrected.get("/metrics")).text
    assert 'spam_predictions_total{model_version="1",source="correction"} 1.0' in metrics
    assert 'spam_labels_total{label="spam",model_version="1"}' not in metrics


async def test_the_latest_correction_counts(corrected):
    await corrected.post("/feedback", json={"text": "lunch at noon", "label": "ham"})
    answer = (await corrected.post("/prediction", json={"text": TEXT})).json()
    assert (answer["source"], answer["top"]["label"]) == ("correction", "ham")


async def test_another_workers_correction_is_seen_within_a_second(store, monkeypatch):
    """One worker asks, another takes the correction."""
    asking = OwnLabels(store)
    assert asking.may_have("ann") and await asking.of("ann", [TEXT]) == {}
    assert not asking.may_have("ann"), "known to have none, for a while"
    await store.correct([Correction("ann", timeuuid.now(), TEXT, "spam")])
    assert own_labels.FRESH <= 1
    until = asking._known["ann"][1]
    monkeypatch.setattr(own_labels.time, "monotonic", lambda: until + 0.001)
    assert asking.may_have("ann") and await asking.of("ann", [TEXT]) == {TEXT: "spam"}


async def test_the_callers_that_are_remembered_are_bounded(store, monkeypatch):
    monkeypatch.setattr(own_labels, "CALLERS", 3)
    asking = OwnLabels(store)
    for i in range(10):
        await asking.of(f"caller {i}", [TEXT])
    assert len(asking._known) == 3


async def test_while_corrections_cannot_be_read_the_model_answers_and_says_so(corrected, app, store, monkeypatch):
    async def fails(*_):
        raise StoreError("away")

    monkeypatch.setattr(store, "corrected", fails)
    answer = (await corrected.post("/prediction", json={"text": TEXT})).json()
    assert (answer["source"], answer["top"]["label"]) == ("model", "ham")
