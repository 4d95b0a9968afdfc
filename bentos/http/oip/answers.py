"""The outputs of an infer call, each as JSON or in binary."""

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Response

from bentos.answering.predictor import Answer
from bentos.http.oip.binary import HEADER, MEDIA_TYPE, write_floats, write_texts
from bentos.http.oip.schemas import EXPLANATION, LABEL, PROBABILITIES, InferRequest
from bentos.http.responses import VERSION_HEADER, json_response
from bentos.versions.loaded import LoadedVersion


@dataclass(frozen=True)
class Output:
    datatype: str
    shape: list[int]
    data: list[Any]

    def binary(self) -> bytes:
        return write_floats(self.data) if self.datatype == "FP32" else write_texts(self.data)


def outputs_of(version: LoadedVersion, answers: list[Answer], explanation: list[dict] | None) -> dict[str, Output]:
    """All outputs by name. `explanation` has the weights of the words of the call's one text."""
    labels = version.model.labels
    probabilities = [answer.prediction[label] for answer in answers for label in labels]
    outputs = {
        LABEL: Output("BYTES", [len(answers)], [answer.label for answer in answers]),
        PROBABILITIES: Output("FP32", [len(answers), len(labels)], probabilities),
    }
    if explanation is not None:
        outputs[EXPLANATION] = Output("BYTES", [1], [orjson.dumps(explanation).decode()])
    return outputs


def infer_response(name: str, call: InferRequest, version: LoadedVersion, outputs: dict[str, Output]) -> Response:
    """What the call wants, in the shape of `schemas.InferResponse`, and the binary outputs after it."""
    tensors, parts = [], []
    for wanted, binary in call.wanted.items():
        output = outputs[wanted]
        tensor = {"name": wanted, "datatype": output.datatype, "shape": output.shape}
        if binary:
            parts.append(output.binary())
            tensors.append(tensor | {"parameters": {"binary_data_size": len(parts[-1])}})
        else:
            tensors.append(tensor | {"data": output.data})
    request_id = {} if call.id is None else {"id": call.id}
    content = {"model_name": name, "model_version": version.number, **request_id, "outputs": tensors}
    if not parts:
        return json_response(content, version.number)
    head = orjson.dumps(content)
    headers = {VERSION_HEADER: version.number, HEADER: str(len(head))}
    return Response(b"".join([head, *parts]), headers=headers, media_type=MEDIA_TYPE)
