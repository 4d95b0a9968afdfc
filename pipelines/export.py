"""Turn a trained variant into the ONNX artifact that serving uses, and prove that the two agree.

    python -m pipelines.export VARIANT PREPARED MODEL OUT

The graph is written by hand, the recurrent part with ONNX's LSTM operator and its `sequence_lens`, since Keras's own
export makes a Loop, four times slower on one message. Every test message then goes through both; a label that differs,
or a probability that differs by 1e-5 or more, fails the stage.
"""

import argparse
from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from pipelines import params
from pipelines.data import splits
from pipelines.hashing import sha256_of_files
from pipelines.model import batches, network, wide
from pipelines.model.backend import keras
from registry.model import artifact
from registry.model.tokenizer import Tokenizer

TOLERANCE = 1e-5
OPSET, IR = 17, 9  # old enough for every onnxruntime that the floor in pyproject.toml allows


def lstm_weights(layer: keras.Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The layer's weights as ONNX wants them: W (d, 4H, in), R (d, 4H, H), B (d, 8H); d is 1 or 2 directions.

    Keras orders the gates input, forget, cell, output; ONNX input, output, forget, cell (the LSTM operator's page),
    and it has a second bias, for the recurrence, that Keras lacks.
    """
    values = layer.get_weights()
    directions = [values[start : start + 3] for start in range(0, len(values), 3)]
    w, r, b = zip(*(map(_regate, direction) for direction in directions), strict=True)
    return np.stack(w), np.stack(r), np.stack([np.concatenate([bias, np.zeros_like(bias)]) for bias in b])


def _regate(weight: np.ndarray) -> np.ndarray:
    i, f, c, o = np.split(weight, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i, o, f, c], axis=-1).T)


def to_onnx(model: keras.Model, variant: params.Variant, labels: int) -> ModelProto:
    """A graph from the tokenizer's inputs, int32 (n, longest), to `probabilities` (n, labels), with its weights."""
    parts = {}
    if variant.network:
        parts["deep_logits"] = _deep(model.get_layer("deep"), variant.network)
    if variant.wide:
        parts["wide_logits"] = _wide(model)
    nodes = [node for made, _ in parts.values() for node in made]
    constants = {name: value for _, held in parts.values() for name, value in held.items()}
    nodes.append(helper.make_node("Sum", list(parts), ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1))
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info(name, TensorProto.INT32, ["n", f"{name}_length"]) for name in model.input],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", labels])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    checker.check_model(made, full_check=True)
    return made


Part = tuple[list[NodeProto], dict[str, np.ndarray]]  # nodes, and the constants they use


def _wide(model: keras.Model) -> Part:
    """`words` and `characters` to `wide_logits` (n, labels)."""
    table = model.get_layer("table").get_weights()[0]
    kernel, bias = model.get_layer("calibration").get_weights()
    constants = {
        **{"table": table, "calibration": kernel, "wide_bias": bias, "tiny": np.float32(wide.TINY)},
        **{"over_grams": np.array([1]), "columns": np.array([table.shape[1] - 1, 1])},
    }
    node = helper.make_node
    nodes = []
    for bag in wide.BAGS:
        nodes += [
            node("Gather", ["table", bag], [f"{bag}_rows"]),
            node("ReduceSum", [f"{bag}_rows", "over_grams"], [f"{bag}_sum"], keepdims=0),
            node("Split", [f"{bag}_sum", "columns"], [f"{bag}_weight", f"{bag}_square"], axis=1),
            node("Max", [f"{bag}_square", "tiny"], [f"{bag}_known"]),
            node("Sqrt", [f"{bag}_known"], [f"{bag}_norm"]),
            node("Div", [f"{bag}_weight", f"{bag}_norm"], [f"{bag}_score"]),
        ]
    nodes.append(node("Sum", [f"{bag}_score" for bag in wide.BAGS], ["score"]))
    nodes.append(node("Gemm", ["score", "calibration", "wide_bias"], ["wide_logits"]))
    return nodes, constants


def _deep(model: keras.Model, settings: params.Network) -> Part:
    """`ids` to `deep_logits` (n, labels)."""
    w, r, b = lstm_weights(model.get_layer("recurrent"))
    kernel, bias = model.get_layer("output").get_weights()
    directions = len(w)
    constants = {
        "embedding": model.get_layer("embedding").get_weights()[0],
        **{"W": w, "R": r, "B": b, "kernel": kernel, "bias": bias},
        "padding": np.int32(0),
        "over_tokens": np.array([1]),
        "flat": np.array([-1, directions * settings.units]),
    }
    if settings.pooling == "max":
        constants |= {"never": np.float32(-1), "around": np.array([1, 3])}
    node = helper.make_node
    nodes = [
        node("Equal", ["ids", "padding"], ["blank"]),
        node("Not", ["blank"], ["real"]),
        node("Cast", ["real"], ["counted"], to=TensorProto.INT32),
        node("ReduceSum", ["counted", "over_tokens"], ["lengths"], keepdims=0),
        node("Transpose", ["ids"], ["steps"], perm=[1, 0]),
        node("Gather", ["embedding", "steps"], ["x"]),
        node(
            "LSTM",
            ["x", "W", "R", "B", "lengths"],
            ["outputs", "last"],
            hidden_size=settings.units,
            direction="bidirectional" if directions == 2 else "forward",
        ),
        *(_maximum() if settings.pooling == "max" else []),
        node("Transpose", [settings.pooling], ["by_text"], perm=[1, 0, 2]),
        node("Reshape", ["by_text", "flat"], ["features"]),
        node("Gemm", ["features", "kernel", "bias"], ["deep_logits"]),
    ]
    return nodes, constants


def _maximum() -> list[NodeProto]:
    """`outputs` (tokens, d, n, H) to `max` (d, n, H), the padding left out."""
    return [
        helper.make_node("Transpose", ["real"], ["real_steps"], perm=[1, 0]),
        helper.make_node("Unsqueeze", ["real_steps", "around"], ["kept"]),
        helper.make_node("Where", ["kept", "outputs", "never"], ["masked"]),
        helper.make_node("ReduceMax", ["masked"], ["max"], axes=[0], keepdims=0),
    ]


def difference(model: keras.Model, exported: artifact.Artifact, texts: list[str]) -> float:
    """The largest absolute difference in probability over the texts. Raises SystemExit where a label differs."""
    ours = batches.probabilities(model, [exported.tokenizer.encode(text) for text in texts])
    theirs = exported.probabilities(texts)
    differ = np.flatnonzero(ours.argmax(axis=1) != theirs.argmax(axis=1))
    if len(differ):
        raise SystemExit(f"export: {len(differ)} test messages get another label, the first: {texts[differ[0]]!r}")
    return float(np.abs(ours - theirs).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variant")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    variant = params.variant(args.variant)
    test = splits.read(args.prepared, "test")
    tokenizer = Tokenizer.from_json((args.model / "tokenizer.json").read_text())
    model = network.build(variant, tokenizer.size, len(test.labels))
    model.load_weights(args.model / "model.weights.h5")
    about = {
        "variant": args.variant,
        "corpus_sha256": sha256_of_files([args.prepared / "train.csv"]),
        "weights_sha256": sha256_of_files([args.model / "model.weights.h5"]),
    }
    onnx = to_onnx(model, variant, len(test.labels)).SerializeToString(deterministic=True)
    artifact.write(args.out, onnx, tokenizer, test.labels, about)
    worst = difference(model, artifact.Artifact.load(args.out), test.texts)
    if worst >= TOLERANCE:
        raise SystemExit(f"export: ONNX and Keras differ by {worst:.1e} on a test message, the bound is {TOLERANCE}")
    print(f"{args.variant}: exported; {len(test.texts)} test messages agree with Keras to {worst:.1e}")


if __name__ == "__main__":
    main()
