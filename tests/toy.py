"""A real but tiny model version, a bag of words with the weights below, for tests that need no trained model."""

import math
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from registry.model import artifact
from registry.model.tokenizer import Tokenizer

WEIGHTS = {"free": 3.0, "win": 3.0, "prize": 3.0, "cash": 2.0, "lunch": -3.0, "home": -2.0, "later": -2.0}


def write_toy(
    folder: Path,
    bias: float = -1.0,
    labels: tuple[str, str] = ("ham", "spam"),
    broken: bool = False,
    busy: int = 0,
    **metadata,
) -> str:
    """Write a version that sums its words' weights and `bias` into the logit of the second label; return its digest.

    A `broken` one raises on every text that has one of its words. A `busy` one multiplies two matrices with so many
    rows for each list of texts: 800 take about 20 ms.
    """
    tokenizer = Tokenizer("words", tuple(WEIGHTS), max_tokens=300)
    table = np.zeros((tokenizer.size, 2), dtype=np.float32)
    table[2:, 1] = list(WEIGHTS.values())
    if broken:
        table = table[:2]  # its words are not in it
    matrix = [numpy_helper.from_array(np.ones((busy, busy), dtype=np.float32), "matrix")] if busy else []
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "ids"], ["rows"]),
            helper.make_node("ReduceSum", ["rows", "axis"], ["sum"], keepdims=0),
            *(_work() if busy else []),
            helper.make_node("Add", ["summed" if busy else "sum", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "toy",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["n", "tokens"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([0, bias], dtype=np.float32), "bias"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"),
            *matrix,
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return artifact.write(folder, model.SerializeToString(), tokenizer, labels, {"variant": "toy", **metadata})


def _work() -> list[NodeProto]:
    """Nodes that add 0 to the sum; it depends on the input, or the graph's optimiser would compute it once for all."""
    return [
        helper.make_node("ReduceMean", ["sum"], ["mean"], keepdims=0),
        helper.make_node("Add", ["matrix", "mean"], ["factor"]),
        helper.make_node("MatMul", ["factor", "factor"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["level"], keepdims=0),
        helper.make_node("Sub", ["level", "level"], ["nothing"]),
        helper.make_node("Add", ["sum", "nothing"], ["summed"]),
    ]


def probability(text: str, bias: float) -> float:
    """The probability of spam that a toy with this bias predicts."""
    return 1 / (1 + math.exp(-(bias + sum(WEIGHTS.get(word, 0.0) for word in text.split()))))
