"""The Open Inference Protocol's contract, on the application itself."""

import pytest

from bentos.http.limits import MAX_BODY
from bentos.versions.loaded import RefusedVersion, ServedVersions

pytestmark = pytest.mark.anyio

MODEL = "/v2/models/sms-spam"


def call(*texts, **more) -> dict:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": list(texts)}
    return {"inputs": [tensor | more.pop("tensor", {})], **more}


async def test_texts_go_in_and_labels_and_probabilities_come_out(client):
    response = await client.post(f"{MODEL}/infer", json=call("free prize", "lunch", id="42"))
    label, probabilities = response.json().pop("outputs")
    assert response.json() | {"model_name": "sms-spam", "model_version": "1", "id": "42"} == response.json()
    assert label == {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["spam", "ham"]}
    assert (probabilities["datatype"], probabilities["shape"]) == ("FP32", [2, 2])
    plain = await client.post("/predictions", json={"texts": ["free prize", "lunch"]})
    assert probabilities["data"] == [p for row in plain.json() for p in row["prediction"].values()]
    assert all(row["from_cache"] for row in plain.json()), "both ways share the cache"


@pytest.mark.parametrize("data", [["free", "lunch"], [["free"], ["lunch"]]], ids=["flat", "nested"])
async def test_a_column_is_as_good_as_a_row(client, data):
    response = await client.post(f"{MODEL}/infer", json=call("", "", tensor={"shape": [2, 1], "data": data}))
    assert response.json()["outputs"][0]["data"] == ["spam", "ham"]


@pytest.mark.parametrize(
    ("path", "version"), [("", "1"), ("/versions/2", "2"), ("/versions/challenger", "2"), ("/versions/champion", "1")]
)
async def test_every_question_may_name_a_version(client, path, version):
    about = (await client.get(f"{MODEL}{path}")).json()
    assert about["versions"] == ["2", "1"] and about["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert about["outputs"][1] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}
    assert (await client.get(f"{MODEL}{path}/ready")).json()["ready"] is True
    answer = await client.post(f"{MODEL}{path}/infer", json=call("free"))
    assert (answer.json()["model_version"], answer.headers["X-Model-Version"]) == (version, version)


async def test_only_the_wanted_outputs_are_answered_in_their_order(client):
    for wanted in (["label"], ["probabilities"], ["probabilities", "label"]):
        outputs = [{"name": name, "parameters": {"binary_data": False}} for name in wanted]
        answer = await client.post(f"{MODEL}/infer", json=call("free", outputs=outputs, parameters={"priority": 1}))
        assert [output["name"] for output in answer.json()["outputs"]] == wanted


async def test_calls_are_logged(client):
    await client.post(f"{MODEL}/infer", json=call("free", "lunch"))
    assert [row["input"] for row in (await client.get("/recent_log")).json()] == ["free", "lunch"]


async def test_the_server_speaks_of_itself(client):
    assert (await client.get("/v2")).json() == {"name": "test", "version": "1", "extensions": []}
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (call("a", tensor={"shape": [2]}), "shape"),
        (call("a", tensor={"shape": [1, 1, 1]}), "shape"),
        (call("a", tensor={"name": "texts"}), "name"),
        (call("a", tensor={"datatype": "FP32"}), "datatype"),
        (call("a", tensor={"data": [1]}), "string"),
        (call("a", tensor={"data": []}), "data"),
        (call(" "), "blank"),
        (call("a", outputs=[{"name": "logits"}]), "outputs"),
        (call("a", tensor={"parameters": {"binary_data_size": 5}}), "binary"),
        (call("a", outputs=[{"name": "label", "parameters": {"binary_data": True}}]), "binary"),
        ({"inputs": []}, "inputs"),
        ({}, "inputs"),
        ([], "object"),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_the_protocol_s_shape(client, body, why):
    response = await client.post(f"{MODEL}/infer", json=body)
    assert response.status_code == 400 and set(response.json()) == {"error"} and why in response.json()["error"]


async def test_raw_tensors_after_the_json_are_refused(client):
    headers = {"Inference-Header-Content-Length": "2", "Content-Type": "application/octet-stream"}
    response = await client.post(f"{MODEL}/infer", content=b"{}\4\0\0\0free", headers=headers)
    assert response.status_code == 400 and "binary_data=False" in response.json()["error"]


async def test_other_refusals_have_the_same_shape(service, client):
    champion = service.served.default
    for response, status in (
        (await client.get("/v2/models/other"), 404),
        (await client.post("/v2/models/other/infer", json=call("a")), 404),
        (await client.get(f"{MODEL}/versions/9"), 404),
        (await client.post(f"{MODEL}/versions/9/infer", json=call("a")), 404),
        (await client.get("/v2/nothing"), 404),
        (await client.get(f"{MODEL}/infer"), 405),
        (await client.post(f"{MODEL}/infer", content=b"{"), 400),
        (await client.post(f"{MODEL}/infer", content=b"x" * (MAX_BODY + 1)), 413),
        (await client.post(f"{MODEL}/versions/2/infer", json=call("a"), headers={"X-Model-Version": "1"}), 400),
    ):
        assert response.status_code == status and set(response.json()) == {"error"}
    service.current.served = ServedVersions((champion,), (RefusedVersion("3", ("next",), "damaged"),))
    refused = await client.get(f"{MODEL}/versions/next/ready")
    assert refused.status_code == 503 and "damaged" in refused.json()["error"]
    service.current.served = ServedVersions(why_empty="none yet")
    for path in ("/v2/health/ready", f"{MODEL}/ready", MODEL):
        assert (await client.get(path)).status_code == 503


async def test_an_output_is_answered_once_however_often_it_is_asked_for(client):
    texts = {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["free"]}
    for many in (2, 20_000):
        call = {"inputs": [texts], "outputs": [{"name": "probabilities"}] * many}
        response = await client.post(f"{MODEL}/infer", json=call)
        assert response.status_code == 400 and len(response.content) < 1_000
    assert "twice" in (await client.post(f"{MODEL}/infer", json=call | {"outputs": call["outputs"][:2]})).text
    unknown = await client.post(f"{MODEL}/infer", json=call | {"outputs": [{"name": "logits"}]})
    assert unknown.status_code == 400
