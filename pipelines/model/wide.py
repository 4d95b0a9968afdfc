"""The wide part of a model: linear SVMs over hashed n-grams, in Keras and in ONNX.

    words, characters (n, n-grams) -> table of weights -> scores -> scores and their products -> calibration -> logits

Each message is two sets of hashed n-grams (`registry.model.tokenizer`). A set becomes a unit vector of inverse document
frequencies, and linear SVMs weigh the two side by side. Trained on one corpus there is one SVM for each target. On
several, corpora contradict each other: what a bank writes today looks like the premium-rate spam of 2006. So there are
also experts, the same SVMs on each corpus alone, detectors, which tell one corpus's messages of a label from all other
messages, and gates, which tell from which corpus a message could be; the products of the scores let a gate say how much
each expert counts (a mixture of experts, Jacobs et al., 1991).

Logistic regression on held-out scores turns them into logits (Platt, 1999). A corpus's messages can have a weight
there, so that a large corpus does not decide alone what the scores mean. The network of a model then learns from the
logits of held-out messages, because the SVMs make no mistakes on their own training messages, so there would be nothing
to learn (stacking, Wolpert 1992).
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
from pipelines.data.splits import Split
from pipelines.model.backend import keras
from pipelines.model.sizes import Sizes, expert_corpora
from registry.model.tokenizer import Encoded, Tokenizer

INPUTS = ("words", "characters")  # the sets of n-grams of a text
ONNX_LOGITS = "wide_logits"
ONNX_KNOWN = "known"
GATE_STRENGTH = 0.1  # of the regularisation parameter: a gate is to change slowly from one kind of message to another
COMMON = 3  # messages that an n-gram must occur in to be known
TINY = 1e-12  # the least length of a vector: a set without any known n-gram gets the score 0

layers, ops = keras.layers, keras.ops


@dataclass(frozen=True)
class FittedWide:
    """The weights of a fitted wide part.

    `table`, float32 (buckets, scores + 1), holds each n-gram's weights times its inverse document frequency, and in
    the last column that frequency's square: a sum over a set's rows has all that its scores need. `kernel`
    (features, labels) and `bias` (labels,) turn scores and their products into logits.
    """

    table: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


def count_scores(sizes: Sizes) -> int:
    """How many SVMs there are, in the order of `_tasks`."""
    targets = 1 if sizes.labels == 2 else sizes.labels
    return targets if sizes.experts == 1 else targets * (1 + 2 * sizes.experts) + sizes.experts - 1


def products(scores: int) -> tuple[list[int], list[int]]:
    """The positions of the two factors of each product: all pairs of scores, a single one has no product."""
    left, right = np.triu_indices(scores) if scores > 1 else ([], [])
    return list(map(int, left)), list(map(int, right))


def keras_logits(settings: params.Wide, tokenizer: Tokenizer, inputs: dict[str, keras.KerasTensor], sizes: Sizes):
    """The logits (n, labels). The layers `table` and `calibration` have the weights."""
    scores = count_scores(sizes)
    table = layers.Embedding(tokenizer.buckets, scores + 1, name="table")
    sums = [ops.sum(table(inputs[bag]), axis=1) for bag in INPUTS]
    score = sum(s[:, :-1] / ops.sqrt(ops.maximum(s[:, -1:], TINY)) for s in sums)
    left, right = products(scores)
    if left:
        pairs = ops.take(score, left, axis=1) * ops.take(score, right, axis=1)
        score = ops.concatenate([score, pairs], axis=1)
    return layers.Dense(sizes.labels, name="calibration")(score)


def set_weights(model: keras.Model, fitted: FittedWide) -> None:
    model.get_layer("table").set_weights([fitted.table])
    model.get_layer("calibration").set_weights([fitted.kernel, fitted.bias])


def onnx_logits(settings: params.Wide, model: keras.Model) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes from `words` and `characters` to `wide_logits` (n, labels) and `known` (n,), and their constants."""
    table = model.get_layer("table").get_weights()[0]
    kernel, bias = model.get_layer("calibration").get_weights()
    distinct, places = distinct_rows(table)
    constants = {
        **{"table": distinct, "places": places, "calibration": kernel, "wide_bias": bias, "tiny": np.float32(TINY)},
        **{"over_grams": np.array([1]), "columns": np.array([table.shape[1] - 1, 1])},
    }
    nodes = []
    for bag in INPUTS:
        nodes += [
            make_node("Gather", ["places", bag], [f"{bag}_places"]),
            make_node("Gather", ["table", f"{bag}_places"], [f"{bag}_rows"]),
            make_node("ReduceSum", [f"{bag}_rows", "over_grams"], [f"{bag}_sum"], keepdims=0),
            make_node("Split", [f"{bag}_sum", "columns"], [f"{bag}_weight", f"{bag}_square"], axis=1),
            make_node("Max", [f"{bag}_square", "tiny"], [f"{bag}_known"]),
            make_node("Sqrt", [f"{bag}_known"], [f"{bag}_norm"]),
            make_node("Div", [f"{bag}_weight", f"{bag}_norm"], [f"{bag}_score"]),
        ]
    nodes.append(make_node("Sum", [f"{bag}_score" for bag in INPUTS], ["score"]))
    last, (left, right) = "score", products(table.shape[1] - 1)
    if left:
        constants |= {"left": np.array(left), "right": np.array(right)}
        nodes += [
            make_node("Gather", ["score", "left"], ["left_factor"], axis=1),
            make_node("Gather", ["score", "right"], ["right_factor"], axis=1),
            make_node("Mul", ["left_factor", "right_factor"], ["pairs"]),
            make_node("Concat", ["score", "pairs"], ["wide_features"], axis=1),
        ]
        last = "wide_features"
    nodes.append(make_node("Gemm", [last, "calibration", "wide_bias"], [ONNX_LOGITS]))
    known_nodes, known_constants = _onnx_known(max_common_square(table))
    return nodes + known_nodes, constants | known_constants


def distinct_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows without repetition, and the place of each bucket's row among them, int32 (buckets,).

    Half of the buckets have no n-gram, and rare n-grams have the weights of others: it takes less than half the memory.
    """
    bits = np.ascontiguousarray(table).view(np.uint32)  # so that 0.0 and -0.0 stay what they are
    distinct, places = np.unique(bits, axis=0, return_inverse=True)
    return distinct.view(np.float32), places.reshape(-1).astype(np.int32)


def _onnx_known(limit: np.float32) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The nodes to ONNX_KNOWN (n,): the share of the character n-grams that are common in training (`known_share`)."""
    nodes = [
        make_node("Split", ["characters_rows", "columns"], ["characters_weights", "characters_squares"], axis=2),
        make_node("Greater", ["characters_squares", "zero"], ["characters_used"]),
        make_node("LessOrEqual", ["characters_squares", "common"], ["characters_frequent"]),
        make_node("And", ["characters_used", "characters_frequent"], ["characters_seen"]),
        make_node("Cast", ["characters_seen"], ["characters_ones"], to=TensorProto.FLOAT),
        make_node("ReduceSum", ["characters_ones", "over_grams_and_column"], ["characters_hits"], keepdims=0),
        make_node("Cast", ["characters"], ["characters_numbers"], to=TensorProto.FLOAT),
        make_node("Sign", ["characters_numbers"], ["characters_real"]),  # 0 for the padding
        make_node("ReduceSum", ["characters_real", "over_grams"], ["characters_count"], keepdims=0),
        make_node("Max", ["characters_count", "one"], ["characters_total"]),
        make_node("Div", ["characters_hits", "characters_total"], [ONNX_KNOWN]),
    ]
    return nodes, {
        "zero": np.float32(0),
        "common": limit,
        "one": np.float32(1),
        "over_grams_and_column": np.array([1, 2]),
    }


def fit(
    rows: Sequence[Encoded], split: Split, settings: params.Wide, buckets: int
) -> tuple[FittedWide, np.ndarray, np.ndarray]:
    """Fit on all messages of the split; also returns each message's figures while it is held out with its group.

    These are its logits, float32 (n, labels), and the share of its character n-grams that the others have, float (n,).
    """
    corpora, experts = np.array(split.corpora, dtype=object), expert_corpora(split)
    table = _fit_svms(rows, split.actual, corpora, experts, settings, buckets)
    scores, known = np.empty((len(rows), table.shape[1] - 1)), np.empty(len(rows))
    folds = StratifiedGroupKFold(n_splits=settings.folds, shuffle=True, random_state=settings.seed)
    for rest, held_out in folds.split(split.actual, split.actual, split.independent):
        rest_rows, rest_corpora = [rows[i] for i in rest], corpora[rest]
        fold_table = _fit_svms(rest_rows, split.actual[rest], rest_corpora, experts, settings, buckets)
        scores[held_out] = score([rows[i] for i in held_out], fold_table)
        known[held_out] = known_share([rows[i]["characters"] for i in held_out], fold_table)
    weights = [settings.weights.get(corpus, 1.0) for corpus in split.corpora]
    platt = LogisticRegression(C=100.0, max_iter=5000).fit(features(scores), split.actual, weights)
    kernel, bias = platt.coef_.T, platt.intercept_
    if kernel.shape[1] == 1:  # scikit-learn gives two labels one logit, the second's
        kernel, bias = np.hstack([np.zeros_like(kernel), kernel]), np.array([0.0, *bias])
    logits = features(scores) @ kernel + bias
    return FittedWide(table, kernel.astype(np.float32), bias.astype(np.float32)), logits.astype(np.float32), known


def features(scores: np.ndarray) -> np.ndarray:
    """The scores and their products, float (n, features)."""
    left, right = products(scores.shape[1])
    return np.hstack([scores, scores[:, left] * scores[:, right]])


def score(rows: Sequence[Encoded], table: np.ndarray) -> np.ndarray:
    """Float (n, scores): the sum of each set's weights over its length as a vector, added up over the two sets."""
    scores = np.zeros((len(rows), table.shape[1] - 1))
    for bag in INPUTS:
        sums = _incidence([row[bag] for row in rows], len(table)) @ table
        scores += sums[:, :-1] / np.sqrt(np.maximum(sums[:, -1:], TINY))
    return scores


def known_share(sets: Sequence[Sequence[int]], table: np.ndarray) -> np.ndarray:
    """The known share, float (n,): of each set's n-grams, the share that is common in training. The graph's `known`.

    Common means in COMMON messages or more. One is not enough: most numbers are taken by some rare run of words.
    """
    seen = (table[:, -1] > 0) & (table[:, -1] <= max_common_square(table))
    return np.array([seen[grams].mean() for grams in sets])


def max_common_square(table: np.ndarray) -> np.float32:
    """The largest squared inverse document frequency that an n-gram in COMMON training messages or more can have.

    The frequency is ln((1 + messages) / (1 + count)) + 1. The table does not hold the number of messages, but its
    largest frequency does: that of an n-gram in a single message, which every real corpus has.
    """
    of_count_1 = float(np.sqrt(table[:, -1].max()))
    of_common = of_count_1 - np.log((1 + COMMON) / 2)
    return np.float32((of_common + 1e-4) ** 2)  # float32 rounds: without the 1e-4 it could exclude a count of COMMON


def _fit_svms(
    rows: Sequence[Encoded],
    actual: np.ndarray,
    corpora: np.ndarray,
    experts: Sequence[str],
    settings: params.Wide,
    buckets: int,
) -> np.ndarray:
    """The table of the SVMs of these messages."""
    bags = [_incidence([row[bag] for row in rows], buckets) for bag in INPUTS]
    counts = np.asarray(sum(bag.sum(axis=0) for bag in bags)).ravel()
    idf = np.where(counts > 0, np.log((1 + len(rows)) / (1 + counts)) + 1, 0.0)
    idf[0] = 0.0  # the padding's
    vectors = sum(_unit_rows(bag @ sp.diags(idf)) for bag in bags).tocsr()
    tasks = _tasks(actual, corpora, experts)
    svms = [_svm(settings, strength).fit(vectors[used], target) for used, target, strength in tasks]
    return np.column_stack([*(idf * svm.coef_[0] for svm in svms), idf**2]).astype(np.float32)


def _svm(settings: params.Wide, strength: float) -> LinearSVC:
    """Without an intercept: the length that each text has as an n-gram does as well, and products need none then."""
    return LinearSVC(C=settings.regularisation * strength, random_state=settings.seed, fit_intercept=False)


def _tasks(
    actual: np.ndarray, corpora: np.ndarray, experts: Sequence[str]
) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """(positions, target, strength) of each SVM.

    For each target one of all messages, then the experts and the detectors of each corpus; then a gate for each corpus
    but the first.
    """
    everything = np.arange(len(actual))
    used = [everything, *(np.flatnonzero(corpora == name) for name in experts)]
    labels = np.unique(actual)
    wanted = labels[1:] if len(labels) == 2 else labels
    tasks = [(positions, actual[positions] == label, 1.0) for positions in used for label in wanted]
    tasks += [(everything, (corpora == name) & (actual == label), 1.0) for name in experts for label in wanted]
    return tasks + [(everything, corpora == name, GATE_STRENGTH) for name in experts[1:]]


def _incidence(sets: Sequence[Sequence[int]], buckets: int) -> sp.csr_matrix:
    """Sets of n-gram numbers as a 0/1 matrix (n, buckets)."""
    ends = np.cumsum([0, *map(len, sets)])
    return sp.csr_matrix((np.ones(ends[-1]), np.concatenate(sets).astype(int), ends), shape=(len(sets), buckets))


def _unit_rows(vectors: sp.csr_matrix) -> sp.csr_matrix:
    length = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
    return sp.diags(1 / np.maximum(length, TINY)) @ vectors
