"""The deep part of a model: an embedding and an LSTM over the token ids, in Keras and in ONNX.

    ids (n, tokens) -> embedding -> LSTM in one or both directions -> last state or maximum over time -> logits

Rows are padded with 0 on the right, and the padding is masked, so it changes no prediction.

The ONNX nodes are written by hand with ONNX's LSTM operator and its `sequence_lens`, since Keras's export makes a Loop,
three times as slow or more on one message.
"""

import numpy as np
from onnx import NodeProto, TensorProto
from onnx.helper import make_node

from pipelines.model.backend import keras
from pipelines.model.recurrent import RightPaddedLSTM
from pipelines.model.sizes import Sizes
from pipelines.params import LSTM
from registry.model.tokenizer import PADDING, Tokenizer

INPUTS = ("ids",)
ONNX_LOGITS = "deep_logits"

layers, ops = keras.layers, keras.ops


def keras_logits(settings: LSTM, tokenizer: Tokenizer, inputs: dict[str, keras.KerasTensor], sizes: Sizes):
    """The logits (n, labels), from a model inside the model that is named `deep` (`network.residual` trains it)."""
    ids = keras.Input((None,), dtype="int32")
    x = layers.Embedding(tokenizer.size, settings.embedding, name="embedding")(ids)
    x = layers.SpatialDropout1D(settings.embedding_dropout)(x)
    real = ops.not_equal(ids, PADDING)
    x = RightPaddedLSTM(
        settings.units,
        bidirectional=settings.bidirectional,
        dropout=settings.dropout,
        recurrent_dropout=settings.recurrent_dropout,
        return_sequences=settings.pooling == "max",
        name="recurrent",
    )(x, ops.sum(ops.cast(real, "int32"), axis=1))
    if settings.pooling == "max":
        kept = ops.where(ops.expand_dims(real, -1), x, -1.0)  # an LSTM's outputs lie in (-1, 1): -1 never wins
        x = ops.max(kept, axis=1)
    x = layers.Dropout(settings.output_dropout)(x)
    return keras.Model(ids, layers.Dense(sizes.labels, name="output")(x), name="deep")(inputs["ids"])


def onnx_logits(settings: LSTM, model: keras.Model) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes from `ids` to `deep_logits` (n, labels), and the constants that they use."""
    deep = model.get_layer("deep")
    w, r, b = _onnx_weights(deep.get_layer("recurrent"))
    kernel, bias = deep.get_layer("output").get_weights()
    directions = len(w)
    constants = {
        "embedding": deep.get_layer("embedding").get_weights()[0],
        **{"W": w, "R": r, "B": b, "kernel": kernel, "bias": bias},
        "padding": np.int32(PADDING),
        "over_tokens": np.array([1]),
        "flat": np.array([-1, directions * settings.units]),
    }
    if settings.pooling == "max":
        constants |= {"never": np.float32(-1), "around": np.array([1, 3])}
    nodes = [
        make_node("Equal", ["ids", "padding"], ["blank"]),
        make_node("Not", ["blank"], ["real"]),
        make_node("Cast", ["real"], ["counted"], to=TensorProto.INT32),
        make_node("ReduceSum", ["counted", "over_tokens"], ["lengths"], keepdims=0),
        make_node("Transpose", ["ids"], ["steps"], perm=[1, 0]),
        make_node("Gather", ["embedding", "steps"], ["x"]),
        make_node(
            "LSTM",
            ["x", "W", "R", "B", "lengths"],
            ["outputs", "last"],
            hidden_size=settings.units,
            direction="bidirectional" if directions == 2 else "forward",
        ),
        *(_onnx_maximum() if settings.pooling == "max" else []),
        make_node("Transpose", [settings.pooling], ["by_text"], perm=[1, 0, 2]),
        make_node("Reshape", ["by_text", "flat"], ["features"]),
        make_node("Gemm", ["features", "kernel", "bias"], [ONNX_LOGITS]),
    ]
    return nodes, constants


def _onnx_maximum() -> list[NodeProto]:
    """`outputs` (tokens, d, n, H) to `max` (d, n, H), without the padding."""
    return [
        make_node("Transpose", ["real"], ["real_steps"], perm=[1, 0]),
        make_node("Unsqueeze", ["real_steps", "around"], ["kept"]),
        make_node("Where", ["kept", "outputs", "never"], ["masked"]),
        make_node("ReduceMax", ["masked"], ["max"], axes=[0], keepdims=0),
    ]


def _onnx_weights(layer: keras.Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The LSTM layer's weights in ONNX's form: W (d, 4H, in), R (d, 4H, H), B (d, 8H); d is 1 or 2 directions.

    ONNX has a second bias, for the recurrence, that Keras lacks: it is 0.
    """
    weights = layer.get_weights()
    directions = [weights[start : start + 3] for start in range(0, len(weights), 3)]
    w, r, b = zip(*(map(_reorder_gates, direction) for direction in directions), strict=True)
    return np.stack(w), np.stack(r), np.stack([np.concatenate([bias, np.zeros_like(bias)]) for bias in b])


def _reorder_gates(weight: np.ndarray) -> np.ndarray:
    """From Keras's order of the gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    i, f, c, o = np.split(weight, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i, o, f, c], axis=-1).T)
