"""The wide part of a model: a linear SVM over hashed n-grams, in Keras and in ONNX.

    words, characters (n, n-grams) -> table of weights -> score of each set, added up -> calibration -> logits

Each message is two sets of hashed n-grams (`registry.model.tokenizer`). A set becomes a unit vector of inverse document
frequencies, and a linear SVM weighs the two side by side. Logistic regression on held-out scores turns its scores into
logits (Platt, 1999). The network of a model then learns from the logits of held-out messages, because on the messages
it was fitted on the SVM makes no mistakes to learn from (stacking, Wolpert 1992).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from onnx import NodeProto, TensorProto
from onnx.helper import make_node
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from pipelines import params
from pipelines.model.backend import keras
from registry.model.tokenizer import Encoded, Tokenizer

INPUTS = BAGS = ("words", "characters")
ONNX_LOGITS = "wide_logits"
ONNX_KNOWN = "known"
TINY = 1e-12  # the least length of a vector: a set without any known n-gram gets the score 0

layers, ops = keras.layers, keras.ops


@dataclass(frozen=True)
class FittedWide:
    """The weights of a fitted wide part.

    `table`, float32 (buckets, scores + 1), holds each n-gram's weights times its inverse document frequency, and in
    the last column that frequency's square: a sum over a set's rows has all that its score needs. `kernel`
    (scores, labels) and `bias` (labels,) turn scores into logits. Two labels need one score.
    """

    table: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


def keras_logits(settings: params.Wide, tokenizer: Tokenizer, inputs: dict[str, keras.KerasTensor], labels: int):
    """The logits (n, labels). The layers `table` and `calibration` have the weights."""
    scores = 1 if labels == 2 else labels
    table = layers.Embedding(tokenizer.buckets, scores + 1, name="table")
    sums = [ops.sum(table(inputs[bag]), axis=1) for bag in BAGS]
    score = sum(s[:, :-1] / ops.sqrt(ops.maximum(s[:, -1:], TINY)) for s in sums)
    return layers.Dense(labels, name="calibration")(score)


def set_weights(model: keras.Model, fitted: FittedWide) -> None:
    model.get_layer("table").set_weights([fitted.table])
    model.get_layer("calibration").set_weights([fitted.kernel, fitted.bias])


def onnx_logits(settings: params.Wide, model: keras.Model) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes from `words` and `characters` to `wide_logits` (n, labels) and `known` (n,), and their constants."""
    table = model.get_layer("table").get_weights()[0]
    kernel, bias = model.get_layer("calibration").get_weights()
    constants = {
        **{"table": table, "calibration": kernel, "wide_bias": bias, "tiny": np.float32(TINY)},
        **{"over_grams": np.array([1]), "columns": np.array([table.shape[1] - 1, 1])},
    }
    nodes = []
    for bag in BAGS:
        nodes += [
            make_node("Gather", ["table", bag], [f"{bag}_rows"]),
            make_node("ReduceSum", [f"{bag}_rows", "over_grams"], [f"{bag}_sum"], keepdims=0),
            make_node("Split", [f"{bag}_sum", "columns"], [f"{bag}_weight", f"{bag}_square"], axis=1),
            make_node("Max", [f"{bag}_square", "tiny"], [f"{bag}_known"]),
            make_node("Sqrt", [f"{bag}_known"], [f"{bag}_norm"]),
            make_node("Div", [f"{bag}_weight", f"{bag}_norm"], [f"{bag}_score"]),
        ]
    nodes.append(make_node("Sum", [f"{bag}_score" for bag in BAGS], ["score"]))
    nodes.append(make_node("Gemm", ["score", "calibration", "wide_bias"], [ONNX_LOGITS]))
    known_nodes, known_constants = _onnx_known()
    return nodes + known_nodes, constants | known_constants


def _onnx_known() -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes to ONNX_KNOWN (n,): the share of the character n-grams whose frequency in training was not 0."""
    nodes = [
        make_node("Split", ["characters_rows", "columns"], ["characters_weights", "characters_squares"], axis=2),
        make_node("Greater", ["characters_squares", "zero"], ["characters_seen"]),
        make_node("Cast", ["characters_seen"], ["characters_ones"], to=TensorProto.FLOAT),
        make_node("ReduceSum", ["characters_ones", "over_grams_and_column"], ["characters_hits"], keepdims=0),
        make_node("Cast", ["characters"], ["characters_numbers"], to=TensorProto.FLOAT),
        make_node("Sign", ["characters_numbers"], ["characters_real"]),  # 0 for the padding
        make_node("ReduceSum", ["characters_real", "over_grams"], ["characters_count"], keepdims=0),
        make_node("Max", ["characters_count", "one"], ["characters_total"]),
        make_node("Div", ["characters_hits", "characters_total"], [ONNX_KNOWN]),
    ]
    return nodes, {"zero": np.float32(0), "one": np.float32(1), "over_grams_and_column": np.array([1, 2])}


def fit(
    rows: Sequence[Encoded], actual: np.ndarray, groups: np.ndarray, settings: params.Wide, buckets: int
) -> tuple[FittedWide, np.ndarray, np.ndarray]:
    """Fit on all messages; also returns what is said of each message while it is held out with its group.

    That is its logits, float32 (n, labels), and the share of its character n-grams that the others have, float (n,).
    """
    table, intercept = _fit_svm(rows, actual, settings, buckets)
    scores, known = np.empty((len(rows), len(intercept))), np.empty(len(rows))
    folds = StratifiedGroupKFold(n_splits=settings.folds, shuffle=True, random_state=settings.seed)
    for rest, held_out in folds.split(actual, actual, groups):
        fold_table, fold_intercept = _fit_svm([rows[i] for i in rest], actual[rest], settings, buckets)
        scores[held_out] = score([rows[i] for i in held_out], fold_table) + fold_intercept
        known[held_out] = known_share([rows[i]["characters"] for i in held_out], fold_table)
    platt = LogisticRegression(C=100.0).fit(scores, actual)  # as good as unregularised, and it converges
    kernel, bias = platt.coef_.T, platt.intercept_
    if kernel.shape[1] == 1:  # scikit-learn gives two labels one logit, the second's
        kernel, bias = np.hstack([np.zeros_like(kernel), kernel]), np.array([0.0, *bias])
    fitted = FittedWide(table, kernel.astype(np.float32), (bias + intercept @ kernel).astype(np.float32))
    return fitted, (scores @ kernel + bias).astype(np.float32), known


def score(rows: Sequence[Encoded], table: np.ndarray) -> np.ndarray:
    """Float (n, scores): the sum of each set's weights over its length as a vector, added up over the two sets."""
    scores = np.zeros((len(rows), table.shape[1] - 1))
    for bag in BAGS:
        sums = _incidence([row[bag] for row in rows], len(table)) @ table
        scores += sums[:, :-1] / np.sqrt(np.maximum(sums[:, -1:], TINY))
    return scores


def known_share(sets: Sequence[Sequence[int]], table: np.ndarray) -> np.ndarray:
    """Float (n,): the share of each set's n-grams that occurred in training; the graph's `known` for `characters`."""
    seen = table[:, -1] > 0
    return np.array([seen[grams].mean() for grams in sets])


def _fit_svm(
    rows: Sequence[Encoded], actual: np.ndarray, settings: params.Wide, buckets: int
) -> tuple[np.ndarray, np.ndarray]:
    """The table of a linear SVM on these messages, and its intercepts, float (scores,)."""
    bags = [_incidence([row[bag] for row in rows], buckets) for bag in BAGS]
    counts = np.asarray(sum(bag.sum(axis=0) for bag in bags)).ravel()
    idf = np.where(counts > 0, np.log((1 + len(rows)) / (1 + counts)) + 1, 0.0)
    idf[0] = 0.0  # the padding's
    vectors = sum(_unit_rows(bag @ sp.diags(idf)) for bag in bags)
    svms = [LinearSVC(C=settings.regularisation, random_state=settings.seed).fit(vectors, t) for t in _targets(actual)]
    table = np.column_stack([*(idf * svm.coef_[0] for svm in svms), idf**2]).astype(np.float32)
    return table, np.array([svm.intercept_[0] for svm in svms])


def _incidence(sets: Sequence[Sequence[int]], buckets: int) -> sp.csr_matrix:
    """Sets of n-gram numbers as a 0/1 matrix (n, buckets)."""
    ends = np.cumsum([0, *map(len, sets)])
    return sp.csr_matrix((np.ones(ends[-1]), np.concatenate(sets).astype(int), ends), shape=(len(sets), buckets))


def _targets(actual: np.ndarray) -> list[np.ndarray]:
    """What each SVM separates, bool (n,): one target for two labels, one against the rest for each of more."""
    labels = np.unique(actual)
    return [actual == label for label in (labels[1:] if len(labels) == 2 else labels)]


def _unit_rows(vectors: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(length, TINY)) @ vectors
