"""The Open Inference Protocol, asked by Triton's own client with its defaults: binary tensors in and out."""

import json

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.server import PATIENCE, Server
from tests.toy import probability

MODEL = "sms-spam"


@pytest.fixture(scope="module")
def client(tmp_path_factory, registry):
    with Server(tmp_path_factory.mktemp("oip"), MLFLOW_TRACKING_URI=registry) as server:
        address = f"127.0.0.1:{server.port}"
        with InferenceServerClient(address, connection_timeout=PATIENCE, network_timeout=PATIENCE) as client:
            yield client


def tensor(*texts: str, **options: bool) -> InferInput:
    return InferInput("text", [len(texts)], "BYTES").set_data_from_numpy(np.array(texts, dtype=object), **options)


def test_it_is_live_and_ready_and_knows_its_model(client):
    assert client.is_server_live() and client.is_server_ready()
    assert (
        client.is_model_ready(MODEL) and client.is_model_ready(MODEL, "2") and client.is_model_ready(MODEL, "champion")
    )
    assert not client.is_model_ready(MODEL, "9") and not client.is_model_ready("other")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "model_repository", "parameters"]
    assert client.get_model_metadata(MODEL)["versions"] == ["2", "1"]
    index = [(entry["name"], entry["version"], entry["state"]) for entry in client.get_model_repository_index()]
    assert index == [(MODEL, "2", "READY"), (MODEL, "1", "READY")]
    with pytest.raises(InferenceServerException, match="promoted"):
        client.unload_model(MODEL)


@pytest.mark.parametrize("options", [{}, {"binary_data": False}], ids=["default", "JSON"])
@pytest.mark.parametrize(("version", "bias"), [("", -1.0), ("2", -4.0), ("challenger", -4.0)])
def test_labels_and_probabilities_come_back_as_arrays(client, version, bias, options):
    texts = ["free", "lunch", "win cash 🎁"]
    answer = client.infer(MODEL, [tensor(*texts, **options)], version, request_id="7")
    assert answer.get_response()["id"] == "7"
    spam = np.array([probability(text, bias) for text in texts])
    probabilities = answer.as_numpy("probabilities")
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (3, 2))
    np.testing.assert_allclose(probabilities[:, 1], spam, atol=1e-5)
    assert list(answer.as_numpy("label")) == [b"spam" if p > 0.5 else b"ham" for p in spam]


def test_only_the_wanted_output_comes_back(client):
    for options, spam in (({}, b"spam"), ({"binary_data": False}, "spam")):
        answer = client.infer(MODEL, [tensor("free")], outputs=[InferRequestedOutput("label", **options)])
        assert list(answer.as_numpy("label")) == [spam] and answer.as_numpy("probabilities") is None


def test_parameters_ask_for_an_explanation(client):
    answer = client.infer(MODEL, [tensor("win at home")], parameters={"explain": True, "skip_cache": True})
    (explanation,) = answer.as_numpy("explanation")
    assert [row["words"] for row in json.loads(explanation)] == ["win", "at", "home"]


def test_what_is_wrong_with_a_tensor_is_said(client):
    two = InferInput("text", [2], "BYTES").set_data_from_numpy(np.array(["a", ""], dtype=object))
    with pytest.raises(InferenceServerException, match=r"inputs\.0\.data\.1: String should have at least 1 character"):
        client.infer(MODEL, [two])


def test_an_unknown_version_is_named(client):
    with pytest.raises(InferenceServerException, match="no version '9' is served; there are: 2 = chall"):
        client.infer(MODEL, [tensor("a")], "9")
