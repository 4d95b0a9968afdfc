"""The protocol's requests and answers.

A request has one tensor of texts; the answer has the most probable label of each and the probabilities of all labels.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bentos.answering.predictor import Answer
from bentos.http.limits import MAX_REQUEST_ID, MAX_TEXTS
from bentos.http.schemas import HAM_EXAMPLE, SPAM_EXAMPLE, Text
from bentos.versions.loaded import LoadedVersion

INPUT, LABEL, PROBABILITIES = "text", "label", "probabilities"
NO_BINARY = "this server has no binary data extension: send and ask for data as JSON (binary_data=False)"


def _flatten(data: Any) -> Any:
    """The texts of a tensor of shape [n, 1] whose rows are lists of one text each."""
    if isinstance(data, list) and all(isinstance(row, list) and len(row) == 1 for row in data):
        return [row[0] for row in data]
    return data


class InputTensor(BaseModel):
    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(
        description="[n] or [n, 1], n being the number of texts", min_length=1, max_length=2, examples=[[2]]
    )
    parameters: dict[str, Any] = Field({}, description="ignored")
    data: Annotated[list[Text], BeforeValidator(_flatten)] = Field(min_length=1, max_length=MAX_TEXTS)

    @model_validator(mode="before")
    @classmethod
    def _refuse_binary(cls, values: Any) -> Any:
        parameters = values.get("parameters") if isinstance(values, dict) else None
        if isinstance(parameters, dict) and "binary_data_size" in parameters:
            raise ValueError(NO_BINARY)
        return values

    @model_validator(mode="after")
    def _check_shape(self) -> "InputTensor":
        if self.shape not in ([len(self.data)], [len(self.data), 1]):
            raise ValueError(f"shape {self.shape} does not describe {len(self.data)} texts: [n] or [n, 1] would")
        return self


class RequestedOutput(BaseModel):
    name: Literal["label", "probabilities"]
    parameters: dict[str, Any] = Field({}, description="ignored")

    @model_validator(mode="after")
    def _refuse_binary(self) -> "RequestedOutput":
        if self.parameters.get("binary_data"):
            raise ValueError(NO_BINARY)
        return self


_TENSOR_EXAMPLE = {"name": INPUT, "datatype": "BYTES", "shape": [2], "data": [SPAM_EXAMPLE, HAM_EXAMPLE]}


class InferRequest(BaseModel):
    """Parameters are ignored, also `binary_data_output`: Triton's client always sends it, and reads JSON as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [_TENSOR_EXAMPLE]}]})

    id: str | None = Field(None, max_length=MAX_REQUEST_ID, description="repeated in the answer")
    parameters: dict[str, Any] = Field({}, description="ignored")
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[RequestedOutput] = Field([], max_length=2, description="the outputs to answer; all when absent")

    @model_validator(mode="after")
    def _check_outputs(self) -> "InferRequest":
        names = [output.name for output in self.outputs]
        if len(set(names)) < len(names):
            raise ValueError(f"outputs names {names[0]!r} twice: each output is answered once")
        return self


def request_schema() -> dict[str, Any]:
    """InferRequest's JSON schema without references, to embed it in the OpenAPI document."""
    schema = InferRequest.model_json_schema()
    parts = schema.pop("$defs")
    schema["properties"]["inputs"]["items"] = parts["InputTensor"]
    schema["properties"]["outputs"]["items"] = parts["RequestedOutput"]
    return schema


class Tensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]


class OutputTensor(Tensor):
    data: list[str] | list[float] = Field(description="row by row")


class InferResponse(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    name: str
    versions: list[str] = Field(description="the numbers of the served versions")
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    labels: list[str] = Field(description="the columns of the probabilities")


class InferenceError(BaseModel):
    error: str = Field(description="the reason")


def model_metadata(name: str, numbers: list[str], version: LoadedVersion) -> dict[str, Any]:
    """A model in the shape of ModelMetadata; `numbers` are those of all served versions."""
    labels = version.model.labels
    return {
        "name": name,
        "versions": numbers,
        "platform": "mock" if version.mock else "onnxruntime_onnx",
        "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": LABEL, "datatype": "BYTES", "shape": [-1]},
            {"name": PROBABILITIES, "datatype": "FP32", "shape": [-1, len(labels)]},
        ],
        "labels": labels,
    }


def infer_response(name: str, call: InferRequest, version: LoadedVersion, answers: list[Answer]) -> dict[str, Any]:
    """The answers in the shape of InferResponse."""
    names = [output.name for output in call.outputs] or [LABEL, PROBABILITIES]
    request_id = {} if call.id is None else {"id": call.id}
    outputs = [{"name": name, **_tensor(name, version, answers)} for name in names]
    return {"model_name": name, "model_version": version.number, **request_id, "outputs": outputs}


def _tensor(name: str, version: LoadedVersion, answers: list[Answer]) -> dict[str, Any]:
    if name == LABEL:
        return {"datatype": "BYTES", "shape": [len(answers)], "data": [answer.label for answer in answers]}
    labels = version.model.labels
    data = [answer.prediction[label] for answer in answers for label in labels]
    return {"datatype": "FP32", "shape": [len(answers), len(labels)], "data": data}
