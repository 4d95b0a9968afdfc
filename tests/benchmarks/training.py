"""`python -m tests.benchmarks.training`: what a training takes, against the same network as the workshop trains it.

Both subjects train the layers and hyperparameters of the variant `workshop` on the same messages, in turns, in a
process each. Ours is the project's own training: the padding masked, batches of messages of about the same length. The
other pads every message to `max_tokens` on the left, without a mask, so each batch takes that many steps of the LSTM.
Of its epoch some batches are measured, once a first one has compiled the network, and their mean is scaled to all of
them; so are its validation's. A whole training is what is done once (texts into ids, building, compiling), and all
epochs with the validation after each; ours is trained whole in each round, and also logged to MLflow.

Then the other variants, and where the time of ours goes.
"""

import argparse
import logging
import math
import os
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.epoch import PARTS, Epochs, TimedRun, inputs, parts
from tests.benchmarks.results import OURS, Figure
from tests.benchmarks.subject import peak, subject

if TYPE_CHECKING:
    from pipelines import params

TABLE = "training"
PADDED = "the same network, unmasked and padded to 300"
WHOLE, EPOCH = "the whole training", "an epoch"
SCALED = "; the padded one scaled from some of its batches"
NOTE = """\
Both train the network of the workshop on the same messages. Of the padded one, some batches are measured in each
round, after a first one that compiles, and their mean is scaled to an epoch's; so are those of its validation. A whole
training is what is done once, and all epochs with the validation after each; ours is trained whole in each round.
"""
COMPARED, OTHERS = "workshop", ("linear", "lstm")
BATCHES = 3  # of the padded network in a round, at least: each takes about a second


def measure(seconds: float = 5.0, rounds: int = 3) -> Iterator[Figure]:
    """Each round's figures; `seconds` bounds the padded network's batches of a round, and those of its validation."""
    with subject() as ours, subject() as padded:
        once = padded(warm_up)
        for _ in range(rounds):
            yield from ours(train, COMPARED)
            yield from padded(train_padded, seconds, once)
    for name in OTHERS:
        with subject() as other:
            yield from other(train, name)
    for name in (COMPARED, "lstm"):
        with subject() as alone:
            yield from alone(parts, name)


def train(name: str) -> list[Figure]:
    """A whole training of the variant as the stage `train` does it, logged to an MLflow store of its own."""
    from pipelines import tracking
    from pipelines.train import Curves, fit

    variant, training, validation = inputs(name)
    with tempfile.TemporaryDirectory() as folder:
        _own_store(Path(folder))
        with tracking.training_run(name, variant.model_dump(), {}) as run:
            timed = TimedRun(run)
            epochs = Epochs(Curves(name, validation, timed))
            start = time.perf_counter()
            fit(variant, training, epochs)
            whole = time.perf_counter() - start
    figures = [Figure(TABLE, _row(WHOLE, name, variant), OURS, "s", whole)]
    if variant.training:
        figures.append(Figure(TABLE, _row(EPOCH, name, variant), OURS, "s", epochs.seconds()))
        figures.append(Figure(PARTS, f"{name}: an epoch as it is trained", OURS, "s", epochs.seconds()))
    figures.append(Figure(PARTS, f"{name}: after an epoch, validation", OURS, "s", epochs.after() - timed.seconds()))
    figures.append(Figure(PARTS, f"{name}: after an epoch, logging it to MLflow", OURS, "s", timed.seconds()))
    return [*figures, Figure(TABLE, f"peak memory, `{name}`", OURS, "MB", peak())]


def warm_up() -> float:
    """The seconds of what the padded network's training does once: read the texts into ids, build, and compile."""
    inputs(COMPARED)
    import pipelines.model.backend  # noqa: F401 (its import is no part of a training)

    start = time.perf_counter()
    model, *splits, variant = _padded()
    for step, (ids, actual) in zip((model.train_on_batch, model.test_on_batch), splits, strict=True):
        step(ids[: variant.training.batch], actual[: variant.training.batch])
    return time.perf_counter() - start


def train_padded(seconds: float, once: float) -> list[Figure]:
    """The padded network's epoch and whole training, scaled from the batches that `seconds` have room for."""
    model, training, validation, variant = _padded()
    size, epochs = variant.training.batch, variant.training.epochs
    epoch = _mean(model.train_on_batch, *training, size, seconds) * math.ceil(len(training[0]) / size)
    after = _mean(model.test_on_batch, *validation, size, seconds / 3) * math.ceil(len(validation[0]) / size)
    return [
        Figure(TABLE, _row(WHOLE, COMPARED, variant), PADDED, "s", once + epochs * (epoch + after)),
        Figure(TABLE, _row(EPOCH, COMPARED, variant), PADDED, "s", epoch),
        Figure(TABLE, f"peak memory, `{COMPARED}`", PADDED, "MB", peak()),
    ]


def _mean(step: Any, ids: np.ndarray, actual: np.ndarray, size: int, seconds: float) -> float:
    """The mean seconds of a batch, over so many seconds and at least BATCHES."""
    starts = iter(np.random.default_rng(1).permutation(len(ids) // size) * size)
    start, count = time.perf_counter(), 0
    while count < BATCHES or time.perf_counter() < start + seconds:
        if (first := next(starts, None)) is None:
            break
        step(ids[first : first + size], actual[first : first + size])
        count += 1
    return (time.perf_counter() - start) / count


@cache
def _padded() -> tuple[Any, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], "params.Variant"]:
    """The compiled network; the ids, int32 (n, max_tokens), and labels of training and validation; the variant."""
    from pipelines.model.backend import keras
    from registry.model.tokenizer import Tokenizer

    variant, training, validation = inputs(COMPARED)
    tokenizer = Tokenizer.fit(training.texts, **variant.tokens.model_dump())
    layers, network = keras.layers, variant.network
    model = keras.Sequential(
        [
            layers.Embedding(tokenizer.size, network.embedding),
            layers.SpatialDropout1D(network.embedding_dropout),
            layers.LSTM(network.units, dropout=network.dropout, recurrent_dropout=network.recurrent_dropout),
            layers.Dense(len(training.labels), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(variant.training.learning_rate), "sparse_categorical_crossentropy")
    padded = [(_pad_left(tokenizer, split.texts), split.actual) for split in (training, validation)]
    return model, *padded, variant


def _pad_left(tokenizer: Any, texts: list[str]) -> np.ndarray:
    ids = np.zeros((len(texts), tokenizer.max_tokens), dtype=np.int32)
    for row, text in zip(ids, texts, strict=True):
        own = tokenizer.encode(text)["ids"]
        row[len(row) - len(own) :] = own
    return ids


def _own_store(folder: Path) -> None:
    from tests.toyregistry import empty_registry

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    os.environ["MLFLOW_TRACKING_URI"] = empty_registry(folder)


def _row(what: str, name: str, variant: "params.Variant") -> str:
    epochs = f", {variant.training.epochs} epochs" if what == WHOLE and variant.training else ""
    return f"{what} of `{name}`{epochs}" + (SCALED if name == COMPARED else "")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.training", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="for the padded network's batches in a round")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    for figure in measure(args.seconds, args.rounds):
        print(f"{figure.table}: {figure.row}: {figure.subject}: {figure.value:,.2f} {figure.unit}", flush=True)


if __name__ == "__main__":
    main()
