"""What callers may say of a text or of an answer, and to whom it is refused."""

import sqlite3
from uuid import uuid4

import pytest

from bentos.store import StoreError, timeuuid
from bentos.versions.loaded import ServedVersions
from tests.bentos.conftest import client_of

pytestmark = pytest.mark.anyio


async def stored(store):
    return [(found.caller_id, found.input, found.label) async for found in store.corrections()]


async def test_an_answer_is_corrected_by_its_id(client, store):
    answers = (await client.post("/predictions", json={"texts": ["free prize", "lunch"]})).json()
    response = await client.post("/feedback", json={"id": answers[0]["id"], "label": "ham"})
    assert response.status_code == 200
    assert response.json() == {"input": "free prize", "label": "ham", "predicted": "spam"}
    assert await stored(store) == [("10.0.0.1", "free prize", "ham")]


async def test_an_answer_from_the_cache_and_each_of_a_comparison_have_ids_of_their_own(client, store):
    answers = [(await client.post("/prediction", json={"text": "win"})).json() for _ in range(2)]
    answers += (await client.post("/compare", json={"text": "win"})).json()["results"]
    assert len({answer["id"] for answer in answers}) == 4
    for answer in answers:
        response = await client.post("/feedback", json={"id": answer["id"], "label": "spam"})
        assert response.json() == {"input": "win", "label": "spam", "predicted": answer["top"]["label"]}
    assert await stored(store) == [("10.0.0.1", "win", "spam")]


async def test_a_text_is_given_a_label_without_a_call(client, store):
    response = await client.post("/feedback", json={"text": "Dear mum 🎁", "label": "spam"})
    assert response.json() == {"input": "Dear mum 🎁", "label": "spam", "predicted": None}
    assert await stored(store) == [("10.0.0.1", "Dear mum 🎁", "spam")]


async def test_the_last_word_of_a_caller_on_a_text_stays_and_every_caller_has_one(app, client, store):
    async with client_of(app, "10.0.0.2") as other:
        for sender, label in ((client, "ham"), (other, "ham"), (client, "spam"), (client, "spam")):
            assert (await sender.post("/feedback", json={"text": "hi", "label": label})).status_code == 200
    assert await stored(store) == [("10.0.0.1", "hi", "spam"), ("10.0.0.2", "hi", "ham")]


async def test_an_id_that_is_not_in_the_caller_s_own_log_is_not_known(app, client, store):
    answer = (await client.post("/prediction", json={"text": "mine"})).json()
    async with client_of(app, "10.0.0.2") as other:
        for sender, call in ((other, answer["id"]), (client, str(timeuuid.now()))):
            response = await sender.post("/feedback", json={"id": call, "label": "ham"})
            assert (response.status_code, response.json()["error"]) == (404, "unknown_id")
    assert await stored(store) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"label": "ham"}, "give either id or text"),
        ({"text": "a", "id": str(timeuuid.now()), "label": "ham"}, "give either id or text"),
        ({"text": "a"}, "label: Field required"),
        ({"text": "a", "label": "eggs"}, "'eggs' is no label; there are: ham, spam"),
        ({"text": "a", "label": "x" * 101}, "label: String should have at most 100 characters"),
        ({"text": " ", "label": "ham"}, "text: the text is blank"),
        ({"text": "x" * 10_001, "label": "ham"}, "text: String should have at most 10000 characters"),
        ({"id": "17", "label": "ham"}, "id: Input should be a valid UUID"),
        ({"id": str(uuid4()), "label": "ham"}, "id: UUID version 1 expected"),
        ({"text": "a", "label": "ham", "comment": "why"}, "comment: Extra inputs"),
        ([], "send a JSON object"),
    ],
)
async def test_what_cannot_be_used_is_refused_with_the_reason(client, store, body, why):
    response = await client.post("/feedback", json=body)
    assert response.status_code == 422 and why in response.json()["detail"]
    assert await stored(store) == []


async def test_a_correction_needs_a_version_that_says_which_labels_there_are(service, client):
    answer = (await client.post("/prediction", json={"text": "a", "model_version": "2"})).json()
    service.current.served = ServedVersions(service.served.versions[:1])  # version 2, no champion
    assert (await client.post("/feedback", json={"id": answer["id"], "label": "spam"})).status_code == 200
    response = await client.post("/feedback", json={"text": "a", "label": "spam"})
    assert (response.status_code, response.json()["error"]) == (503, "not_ready")


async def test_while_the_log_cannot_be_read_a_text_can_still_be_corrected(client, store):
    answer = (await client.post("/prediction", json={"text": "a"})).json()
    with sqlite3.connect(store.path) as db:
        db.execute("DROP TABLE spam_calls")
    response = await client.post("/feedback", json={"id": answer["id"], "label": "spam"})
    assert (response.status_code, response.json()["error"]) == (503, "store_unavailable")
    assert "send the text itself" in response.json()["detail"] and "spam.db" not in response.text
    assert (await client.post("/feedback", json={"text": "a", "label": "spam"})).status_code == 200


async def test_a_correction_that_cannot_be_stored_is_refused(client, store):
    with sqlite3.connect(store.path) as db:
        db.execute("DROP TABLE spam_corrections")
    response = await client.post("/feedback", json={"text": "a", "label": "spam"})
    assert (response.status_code, response.json()["error"]) == (503, "store_unavailable")
    with pytest.raises(StoreError):
        await stored(store)


async def test_corrections_are_counted_by_label_and_agreement(client):
    answer = (await client.post("/prediction", json={"text": "free prize"})).json()
    for body in (
        {"id": answer["id"], "label": "ham"},
        {"id": answer["id"], "label": "spam"},
        {"text": "a", "label": "ham"},
    ):
        await client.post("/feedback", json=body)
    metrics = (await client.get("/metrics")).text.splitlines()
    for label, agreed in (("ham", "no"), ("spam", "yes"), ("ham", "unknown")):
        assert f'spam_feedback_total{{agreed="{agreed}",label="{label}"}} 1.0' in metrics
