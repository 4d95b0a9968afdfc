"""The protocol's requests and answers.

A request has one tensor of texts; the answer has the most probable label of each and the probabilities of all labels.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationInfo, model_validator

from bentos.http.limits import MAX_REQUEST_ID, MAX_TEXTS
from bentos.http.oip.binary import HEADER, read_texts
from bentos.http.schemas import HAM_EXAMPLE, SPAM_EXAMPLE, Text
from bentos.versions.loaded import LoadedVersion

INPUT, LABEL, PROBABILITIES, EXPLANATION = "text", "label", "probabilities", "explanation"
EXTENSIONS = ["binary_tensor_data", "model_repository", "parameters"]
UNKNOWN_EXTENSIONS = {  # whose parameters would change the answer if they were heeded, by parameter
    "classification": "classification",
    "shared_memory_region": "shared memory",
}


def _flatten(data: Any) -> Any:
    """The texts of a tensor of shape [n, 1] whose rows are lists of one text each."""
    if isinstance(data, list) and all(isinstance(row, list) and len(row) == 1 for row in data):
        return [row[0] for row in data]
    return data


def _or_empty(empty: type) -> BeforeValidator:
    """Some clients send null for what they leave out."""
    return BeforeValidator(lambda value: empty() if value is None else value, json_schema_input_type=empty | None)


def _refuse_unknown_extensions(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, extension in UNKNOWN_EXTENSIONS.items():
        if name in parameters:
            raise ValueError(f"this server has no {extension} extension: leave out {name}")
    return parameters


class InputTensor(BaseModel):
    name: Literal["text"]
    datatype: Literal["BYTES"]
    shape: list[int] = Field(
        description="[n] or [n, 1], n being the number of texts", min_length=1, max_length=2, examples=[[2]]
    )
    parameters: Annotated[dict[str, Any], _or_empty(dict)] = Field(
        {}, description="`binary_data_size` where the texts follow the JSON in binary; others are ignored"
    )
    data: Annotated[list[Text], BeforeValidator(_flatten)] = Field(
        min_length=1, max_length=MAX_TEXTS, description="the texts, unless they are binary"
    )

    @model_validator(mode="before")
    @classmethod
    def _take_binary(cls, values: Any, info: ValidationInfo) -> Any:
        """Read binary texts, which the validation has as its context, into `data`."""
        parameters = values.get("parameters") if isinstance(values, dict) else None
        if not isinstance(parameters, dict):
            return values
        _refuse_unknown_extensions(parameters)
        if "binary_data_size" not in parameters:
            return values
        if values.get("data") is not None:
            raise ValueError("give either data or binary_data_size")
        return values | {"data": read_texts(_raw(parameters["binary_data_size"], info), MAX_TEXTS)}

    @model_validator(mode="after")
    def _check_shape(self) -> "InputTensor":
        if self.shape not in ([len(self.data)], [len(self.data), 1]):
            raise ValueError(f"shape {self.shape} does not describe {len(self.data)} texts: [n] or [n, 1] would")
        return self


def _raw(size: Any, info: ValidationInfo) -> bytes:
    """The bytes of the one tensor. Raises ValueError where they are not `size`, as the request says."""
    if info.context is None:
        raise ValueError(f"binary_data_size needs the header {HEADER}, the number of bytes of the JSON")
    raw: bytes = info.context
    if type(size) is not int or size < 0:
        raise ValueError("binary_data_size must be a number of bytes")
    if size != len(raw):
        raise ValueError(f"binary_data_size is {size}, and {len(raw)} bytes follow the JSON")
    return raw


class OutputParameters(BaseModel):
    model_config = ConfigDict(extra="allow")

    binary_data: StrictBool | None = Field(
        None, description="whether this output follows the JSON in binary; what `binary_data_output` says when absent"
    )

    @model_validator(mode="after")
    def _check_extensions(self) -> "OutputParameters":
        _refuse_unknown_extensions(self.model_extra or {})
        return self


class RequestedOutput(BaseModel):
    name: Literal["label", "probabilities"]
    parameters: OutputParameters | None = Field(None, description="others than those named are ignored")


class RequestParameters(BaseModel):
    model_config = ConfigDict(extra="allow")

    skip_cache: StrictBool = Field(False, description="run the model even if the answers are stored")
    explain: StrictBool = Field(
        False, description="add an output `explanation`: JSON of which words pushed the text, of one text a call"
    )
    binary_data_output: StrictBool = Field(False, description="whether the outputs follow the JSON in binary")


_TENSOR_EXAMPLE = {"name": INPUT, "datatype": "BYTES", "shape": [2], "data": [SPAM_EXAMPLE, HAM_EXAMPLE]}


class InferRequest(BaseModel):
    """Validate it with the bytes that follow the JSON as context, or None where the call has no binary tensors."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": [_TENSOR_EXAMPLE]}]})

    id: str | None = Field(None, max_length=MAX_REQUEST_ID, description="repeated in the answer")
    parameters: Annotated[RequestParameters, _or_empty(RequestParameters)] = Field(
        RequestParameters(), description="others than those named are ignored"
    )
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: Annotated[list[RequestedOutput], _or_empty(list)] = Field(
        [], max_length=2, description="the outputs to answer; all when absent"
    )

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> "InferRequest":
        names = [output.name for output in self.outputs]
        if len(set(names)) < len(names):
            raise ValueError(f"outputs names {names[0]!r} twice: each output is answered once")
        if self.parameters.explain and len(self.texts) > 1:
            raise ValueError("explain takes one text a call")
        if info.context and "binary_data_size" not in self.inputs[0].parameters:
            raise ValueError(f"{len(info.context)} bytes follow the JSON, and no binary_data_size says what they are")
        return self

    @property
    def texts(self) -> list[str]:
        return self.inputs[0].data

    @property
    def wanted(self) -> dict[str, bool]:
        """The outputs to answer, in order, and whether each is binary."""
        default = self.parameters.binary_data_output
        if not self.outputs:
            wanted = {LABEL: default, PROBABILITIES: default}
        else:
            wanted = {output.name: _is_binary(output, default) for output in self.outputs}
        return wanted | ({EXPLANATION: default} if self.parameters.explain else {})


def _is_binary(output: RequestedOutput, default: bool) -> bool:
    own = output.parameters.binary_data if output.parameters else None
    return default if own is None else own


def request_schema() -> dict[str, Any]:
    """InferRequest's JSON schema without references, to embed it in the OpenAPI document."""
    return _inlined(InferRequest.model_json_schema())


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    parts = schema.pop("$defs")

    def inline(value: Any) -> Any:
        if isinstance(value, list):
            return [inline(item) for item in value]
        if not isinstance(value, dict):
            return value
        if ref := value.get("$ref"):
            rest = {name: item for name, item in value.items() if name != "$ref"}
            return inline(parts[ref.rpartition("/")[2]]) | inline(rest)
        return {name: inline(item) for name, item in value.items()}

    return inline(schema)


class Tensor(BaseModel):
    name: str
    datatype: str
    shape: list[int]


class BinarySize(BaseModel):
    binary_data_size: int = Field(description="the bytes of this output that follow the JSON")


class OutputTensor(Tensor):
    parameters: BinarySize | None = Field(None, description="of a binary output, which has no `data`")
    data: list[str] | list[float] | None = Field(None, description="row by row")


class InferResponse(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str] = Field(examples=[EXTENSIONS])


class ModelMetadata(BaseModel):
    name: str
    versions: list[str] = Field(description="the numbers of the served versions")
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    labels: list[str] = Field(description="the columns of the probabilities")


class IndexRequest(BaseModel):
    ready: StrictBool | None = Field(None, description="true: only versions that can be asked")


class IndexEntry(BaseModel):
    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str = Field(description="why it cannot be asked; empty when it can")


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
