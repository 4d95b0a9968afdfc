"""The Open Inference Protocol's contract, on the application itself."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient as Triton
from tritonclient.http import InferInput, InferRequestedOutput, InferResult

from bentos.http.limits import MAX_BODY, MAX_TEXTS
from bentos.versions.loaded import RefusedVersion, ServedVersions
from tests.bentos.http.oip.test_binary import text

pytestmark = pytest.mark.anyio

MODEL = "/v2/models/sms-spam"
EXTENSIONS = ["binary_tensor_data", "model_repository", "parameters"]
LENGTH = "Inference-Header-Content-Length"


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
    assert (await client.get("/v2")).json() == {"name": "test", "version": "1", "extensions": EXTENSIONS}
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
        (call("a", tensor={"parameters": {"binary_data_size": 5}}), "binary_data_size"),
        (call("a", tensor={"parameters": {"binary_data_size": 5}, "data": None}), LENGTH),
        (call("a", tensor={"parameters": {"shared_memory_region": "r"}}), "no shared memory extension"),
        (call("a", outputs=[{"name": "label", "parameters": {"binary_data": "yes"}}]), "binary_data"),
        (call("a", outputs=[{"name": "label", "parameters": {"classification": 1}}]), "no classification extension"),
        (call("a", parameters={"binary_data_output": 1}), "binary_data_output"),
        (call("a", parameters={"skip_cache": "yes"}), "skip_cache"),
        (call("a", parameters={"explain": None}), "explain"),
        (call("a", parameters=[]), "parameters"),
        (call("a", "b", parameters={"explain": True}), "one text a call"),
        ({"inputs": []}, "inputs"),
        ({}, "inputs"),
        ([], "object"),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_the_protocol_s_shape(client, body, why):
    response = await client.post(f"{MODEL}/infer", json=body)
    assert response.status_code == 400 and set(response.json()) == {"error"} and why in response.json()["error"]


def binary(raw: bytes, size: object = None, length: object = None, shape: list[int] | None = None, **more) -> dict:
    """The body and headers of a call whose texts are `raw`, after the JSON."""
    parameters = {"binary_data_size": len(raw) if size is None else size}
    tensor = {"name": "text", "datatype": "BYTES", "shape": shape or [1], "parameters": parameters}
    head = json.dumps({"inputs": [tensor | more]}).encode()
    headers = {LENGTH: str(len(head) if length is None else length), "Content-Type": "application/octet-stream"}
    return {"content": head + raw, "headers": headers}


def result(response) -> InferResult:
    """The answer as Triton's own client reads it."""
    length = response.headers.get(LENGTH)
    return Triton.parse_response_body(response.content, header_length=length and int(length))


@pytest.mark.parametrize("shape", [[2], [2, 1]])
async def test_what_tritons_client_sends_by_default_is_answered_in_binary(client, shape):
    texts = InferInput("text", shape, "BYTES")
    texts.set_data_from_numpy(np.array(["free 🎁", "lunch"], dtype=object).reshape(shape))
    body, length = Triton.generate_request_body([texts])
    response = await client.post(f"{MODEL}/infer", content=body, headers={LENGTH: str(length)})
    assert response.headers["Content-Type"] == "application/octet-stream" and response.headers["X-Model-Version"] == "1"
    assert list(result(response).as_numpy("label")) == [b"spam", b"ham"]
    plain = await client.post("/predictions", json={"texts": ["free 🎁", "lunch"]})
    expected = [list(row["prediction"].values()) for row in plain.json()]
    np.testing.assert_array_equal(result(response).as_numpy("probabilities"), np.array(expected, dtype=np.float32))


@pytest.mark.parametrize(
    ("wanted", "default", "binary"),
    [
        ({"label": True, "probabilities": False}, False, ["label"]),
        ({"probabilities": True, "label": True}, False, ["probabilities", "label"]),
        ({"label": False, "probabilities": None}, True, ["probabilities"]),
        ({"label": None}, False, []),
    ],
)
async def test_each_output_is_binary_or_json_as_asked(client, wanted, default, binary):
    outputs = [{"name": n} | ({} if b is None else {"parameters": {"binary_data": b}}) for n, b in wanted.items()]
    body = call("free", outputs=outputs, parameters={"binary_data_output": default})
    response = await client.post(f"{MODEL}/infer", json=body)
    told = result(response).get_response()["outputs"]
    assert [output["name"] for output in told] == list(wanted)
    assert [output["name"] for output in told if "parameters" in output and "data" not in output] == binary
    assert [bytes(value) for value in result(response).as_numpy("label").astype(bytes)] == [b"spam"]
    assert (LENGTH in response.headers) == bool(binary)


async def test_tritons_client_asks_for_an_output_in_binary_by_default(client):
    asked = InferRequestedOutput("probabilities")._get_tensor()
    response = await client.post(f"{MODEL}/infer", json=call("free", outputs=[asked]))
    assert result(response).as_numpy("probabilities").shape == (1, 2)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (binary(text(b"free"), length=10_000), LENGTH),
        (binary(text(b"free"), length=-1), LENGTH),
        (binary(text(b"free"), length=0), "JSON"),
        (binary(text(b"free"), length=20), "JSON"),
        (binary(text(b"free"), size=7), "binary_data_size is 7, and 8 bytes follow"),
        (binary(text(b"free"), size=9), "binary_data_size is 9, and 8 bytes follow"),
        (binary(text(b"free"), size=-8), "number of bytes"),
        (binary(text(b"free"), size="8"), "number of bytes"),
        (binary(text(b"free"), size=True), "number of bytes"),
        (binary(text(b"free", 5)), "does not fit"),
        (binary(text(b"free", 0xFFFFFFFF)), "does not fit"),
        (binary(text(b"free")[:6]), "does not fit"),
        (binary(text(b"\xff\xfe")), "not UTF-8"),
        (binary(text(b"")), "at least 1 character"),
        (binary(b"", shape=[0]), "at least 1 item"),
        (binary(text(b"a\0")), "NUL"),
        (binary(text(b"") * (MAX_TEXTS + 1), shape=[MAX_TEXTS + 1]), "more than 1000 texts"),
        (binary(text(b"x" * 10_001)), "10000 characters"),
        (binary(text(b"a") * 4, shape=[2, 2]), "shape [2, 2] does not describe 4 texts"),
        (binary(text(b"a") * 2, shape=[1, 2]), "shape [1, 2] does not describe 2 texts"),
        (binary(text(b"a"), shape=[2]), "shape [2] does not describe 1 texts"),
        (binary(text(b"free"), data=["free"]), "either data or binary_data_size"),
        (binary(text(b"free"), parameters={}, data=["free"]), "8 bytes follow the JSON"),
        (binary(text(b"free"), datatype="FP32"), "datatype"),
    ],
)
async def test_hostile_binary_is_refused_with_the_reason(client, sent, why):
    response = await client.post(f"{MODEL}/infer", **sent)
    assert response.status_code == 400 and set(response.json()) == {"error"} and why in response.json()["error"]


async def test_what_kserves_and_mlservers_clients_send_is_answered(client):
    """Which name the model in the body, and send null for what they leave out."""
    kserve = {"model_name": "sms-spam", "id": "7", **call("free", "lunch")}
    tensor = call("free", "lunch", tensor={"shape": [2, 1], "parameters": {"content_type": "str"}})["inputs"]
    mlserver = {"id": None, "parameters": None, "inputs": tensor, "outputs": None}
    nulls = {"inputs": [tensor[0] | {"parameters": None}], "outputs": [{"name": "label", "parameters": None}]}
    for body in (kserve, mlserver, nulls):
        response = await client.post(f"{MODEL}/infer", json=body)
        assert response.status_code == 200 and response.json()["outputs"][0]["data"] == ["spam", "ham"]


async def test_a_call_may_skip_the_cache(client, served):
    runs = served.default.model.runs
    for skip in (False, False, True):
        await client.post(f"{MODEL}/infer", json=call("free", parameters={"skip_cache": skip}))
    assert runs == [["free"], ["free"]]


@pytest.mark.parametrize("binary", [False, True])
async def test_a_call_may_ask_which_words_pushed_its_text(client, service, served, binary):
    artifacts = [replace(version, model=version.model.model) for version in served.versions]  # only they explain
    service.current.served = ServedVersions(tuple(artifacts))
    parameters = {"explain": True, "binary_data_output": binary}
    response = await client.post(f"{MODEL}/infer", json=call("win at home", parameters=parameters))
    (explanation,) = result(response).as_numpy("explanation")
    plain = await client.post("/prediction", json={"text": "win at home", "explain": True})
    assert json.loads(explanation) == plain.json()["explanation"]
    assert [output["name"] for output in result(response).get_response()["outputs"]][-1] == "explanation"


async def test_the_index_names_what_is_served_and_what_is_refused(client, service):
    ready = [{"name": "sms-spam", "version": v, "state": "READY", "reason": ""} for v in ("2", "1")]
    refused = RefusedVersion("3", ("next",), "/a/folder/file is damaged")
    service.current.served = ServedVersions(service.served.versions, (refused,))
    unavailable = {"name": "sms-spam", "version": "3", "state": "UNAVAILABLE", "reason": "file is damaged"}
    for options in ({"content": b""}, {"json": {}}, {"json": {"ready": False}}, {"json": {"ready": None}}):
        assert (await client.post("/v2/repository/index", **options)).json() == [*ready, unavailable]
    assert (await client.post("/v2/repository/index", json={"ready": True})).json() == ready
    for options in ({"json": {"ready": "yes"}}, {"content": b"{"}, {"json": []}):
        response = await client.post("/v2/repository/index", **options)
        assert response.status_code == 400 and set(response.json()) == {"error"}


@pytest.mark.parametrize("change", ["load", "unload"])
async def test_the_repository_is_read_only(client, change):
    response = await client.post(f"/v2/repository/models/sms-spam/{change}", json={})
    assert response.status_code == 400 and "promoted" in response.json()["error"]


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
    service.current.served = ServedVersions(problem="none yet")
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
