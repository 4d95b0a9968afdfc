"""The Open Inference Protocol's requests and answers: https://github.com/kserve/open-inference-protocol, version 2.

One tensor of texts goes in; the most probable label of each and the probabilities of all come out.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bentos.answering.predictor import Answer
from bentos.http.limits import MAX_TEXTS
from bentos.http.schemas import HAM, SPAM, Text
from bentos.versions.loaded import Loaded

INPUT, LABEL, PROBABILITIES = "text", "label", "probabilities"
NO_BINARY = "this server has no binary data extension: send and ask for data as JSON (binary_data=False)"


def _flat(data: Any) -> Any:
    """Rows of one text each, as the texts: a tensor of shape [n, 1] may be nested or flat."""
    if isinstance(data, list) and all(isinstance(row, list) and len(row) == 1 for row in data):
        return [row[0] for row in data]
    return data


class InputTensor(BaseModel):
    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(description="[n] or [n, 1]", min_length=1, max_length=2, examples=[[2]])
    parameters: dict[str, Any] = Field({}, description="ignored")
    data: Annotated[list[Text], BeforeValidator(_flat)] = Field(min_length=1, max_length=MAX_TEXTS)

    @model_validator(mode="before")
    @classmethod
    def _no_binary(cls, values: Any) -> Any:
        parameters = values.get("parameters") if isinstance(values, dict) else None
        if isinstance(parameters, dict) and "binary_data_size" in parameters:
            raise ValueError(NO_BINARY)
        return values

    @model_validator(mode="after")
    def _of_its_shape(self) -> "InputTensor":
        if self.shape not in ([len(self.data)], [len(self.data), 1]):
            raise ValueError(f"shape {self.shape} does not describe {len(self.data)} texts: [n] or [n, 1] would")
        return self


class WantedOutput(BaseModel):
    name: Literal["label", "probabilities"]
    parameters: dict[str, Any] = Field({}, description="ignored")

    @model_validator(mode="after")
    def _no_binary(self) -> "WantedOutput":
        if self.parameters.get("binary_data"):
            raise ValueError(NO_BINARY)
        return self


_TEXTS = {"name": INPUT, "datatype": "BYTES", "shape": [2], "data": [SPAM, HAM]}


class InferRequest(BaseModel):
    """Parameters are ignored, `binary_data_output` too: Triton's client sends it unasked, and reads JSON as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [_TEXTS]}]})

    id: str | None = Field(None, max_length=1_000, description="repeated in the answer")
    parameters: dict[str, Any] = Field({}, description="ignored")
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[WantedOutput] = Field([], description="the outputs to answer; all when absent")


def request_schema() -> dict[str, Any]:
    """InferRequest's JSON schema in one piece, fit for a place within another document."""
    schema = InferRequest.model_json_schema()
    parts = schema.pop("$defs")
    schema["properties"]["inputs"]["items"] = parts["InputTensor"]
    schema["properties"]["outputs"]["items"] = parts["WantedOutput"]
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


def described(name: str, numbers: list[str], version: Loaded) -> dict[str, Any]:
    """A model in the shape of ModelMetadata."""
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


def answered(name: str, call: InferRequest, version: Loaded, answers: list[Answer]) -> dict[str, Any]:
    """The answers in the shape of InferResponse."""
    n, labels = len(answers), version.model.labels
    told: dict[str, Any] = {"model_name": name, "model_version": version.number}
    if call.id is not None:
        told["id"] = call.id
    told["outputs"] = []
    for wanted in [output.name for output in call.outputs] or [LABEL, PROBABILITIES]:
        if wanted == LABEL:
            tensor = {"datatype": "BYTES", "shape": [n], "data": [answer.label for answer in answers]}
        else:
            data = [answer.prediction[label] for answer in answers for label in labels]
            tensor = {"datatype": "FP32", "shape": [n, len(labels)], "data": data}
        told["outputs"].append({"name": wanted, **tensor})
    return told
