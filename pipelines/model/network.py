"""A variant's parts put together: once as a Keras model, once as the ONNX graph that serving uses.

    ids --------------> deep part (`pipelines.model.lstm`) ----> logits --+
    words, characters -> wide part (`pipelines.model.wide`) ---> logits --+--> sum -> probabilities (n, labels)

A variant has one of the parts, or both (wide and deep, Cheng et al., 2016). A module of a part has

- INPUTS: the names of the tokenizer's inputs that it reads;
- keras_logits(settings, tokenizer, inputs, sizes): its Keras layers;
- onnx_logits(settings, model): its ONNX nodes with the constants that they use, and ONNX_LOGITS, the output's name.

A new kind of network is a module with these, its parameters in params.py, and a line in KINDS. A part that is trained
by gradient descent is a Keras model inside the model, from `ids` to logits.
"""

from types import ModuleType

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from pipelines import params
from pipelines.model import lstm, wide
from pipelines.model.backend import keras
from pipelines.model.sizes import Sizes
from registry.model.tokenizer import Tokenizer

KINDS: dict[type[params.Section], ModuleType] = {params.LSTM: lstm, params.Wide: wide}
OPSET, IR = 17, 9  # old enough for every onnxruntime that the floor in pyproject.toml allows


def parts(variant: params.Variant) -> list[tuple[ModuleType, params.Section]]:
    """Each part's module with its settings."""
    return [(KINDS[type(settings)], settings) for settings in (variant.network, variant.wide) if settings]


def build(variant: params.Variant, tokenizer: Tokenizer, sizes: Sizes) -> keras.Model:
    """The untrained model. Its inputs are a dict, named as the tokenizer names them."""
    inputs, logits = {}, []
    for part, settings in parts(variant):
        inputs |= {name: keras.Input((None,), dtype="int32", name=name) for name in part.INPUTS}
        logits.append(part.keras_logits(settings, tokenizer, inputs, sizes))
    total = sum(logits[1:], logits[0])
    if variant.temperature != 1:
        total = total / variant.temperature
    return keras.Model(inputs, keras.layers.Softmax()(total))


def residual(model: keras.Model, labels: int) -> keras.Model:
    """The network of `model`, to be trained on top of fixed logits: [ids, offset (n, labels)] -> probabilities."""
    (network,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    ids, offset = keras.Input((None,), dtype="int32"), keras.Input((labels,))
    return keras.Model([ids, offset], keras.layers.Softmax()(network(ids) + offset))


def to_onnx(variant: params.Variant, model: keras.Model, labels: int) -> ModelProto:
    """A graph with its weights, from the inputs, int32 (n, longest), to `probabilities` (n, labels).

    With a wide part it also has `known` (n,), each text's known share (`pipelines.model.wide.known_share`).
    """
    nodes, constants = [], {}
    for part, settings in parts(variant):
        part_nodes, part_constants = part.onnx_logits(settings, model)
        nodes += part_nodes
        constants |= part_constants
    nodes.append(helper.make_node("Sum", [part.ONNX_LOGITS for part, _ in parts(variant)], ["logits"]))
    last = "logits"
    if variant.temperature != 1:
        constants["temperature"] = np.float32(variant.temperature)
        nodes.append(helper.make_node("Div", ["logits", "temperature"], ["tempered"]))
        last = "tempered"
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=-1))
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", labels])]
    if variant.wide:
        outputs.append(helper.make_tensor_value_info(wide.ONNX_KNOWN, TensorProto.FLOAT, ["n"]))
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", f"{name}_length"]) for name in model.input],
        outputs,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    checker.check_model(onnx, full_check=True)
    return onnx
