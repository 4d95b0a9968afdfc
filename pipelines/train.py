"""Train one variant, and log each epoch to MLflow.

    python -m pipelines.train VARIANT PREPARED OUT

writes OUT/model.weights.h5, OUT/tokenizer.json (its vocabulary is learnt from train alone), OUT/curves.csv, and
OUT/held_out.csv, how much of each training message the others would have known. The same inputs give the same bytes.
"""

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import params, stage, tracking
from pipelines.data import splits, stand_in
from pipelines.data.slots import SlotFiller, read_slots
from pipelines.data.suffixes import public_suffixes
from pipelines.hashing import sha256_of_file, sha256_of_files
from pipelines.model import network, wide
from pipelines.model.backend import keras, make_repeatable, tf
from pipelines.model.batches import Batches, probabilities
from pipelines.model.sizes import sizes_of
from registry.errors import RegistryError
from registry.metrics import mcc
from registry.model.tokenizer import Encoded, Tokenizer

CODE = [Path(__file__), *sorted(Path(__file__).with_name("model").glob("*.py"))]
AfterEpoch = Callable[[int, float, keras.Model, Tokenizer], None]


@dataclass(frozen=True)
class Fitted:
    """A trained model. `known`, float (n,), is the share of each training message that the others would have known."""

    model: keras.Model
    tokenizer: Tokenizer
    known: np.ndarray


def fit(variant: params.Variant, train: splits.Split, after_epoch: AfterEpoch | None = None) -> Fitted:
    """Train `variant`; `after_epoch` is called with the epoch, its loss, the model and the tokenizer.

    A wide part is fitted first and counts as epoch 0. The network then learns on top of the logits that the wide part
    gives each message while it is held out with all that is not independent of it.
    """
    seed = (variant.training or variant.wide).seed
    tokens = variant.tokens
    texts = vary_slots(train, variant.slots, seed)
    suffixes = public_suffixes() if tokens.scheme == "spans" else ()
    tokenizer = Tokenizer.fit(texts, **tokens.model_dump(), suffixes=suffixes)
    rows = tokenizer.encode_all(texts)
    make_repeatable(seed)
    model = network.build(variant, tokenizer, sizes_of(train))
    offset = np.zeros((len(rows), len(train.labels)), dtype=np.float32)

    def on_epoch_end(epoch: int, loss: float) -> None:
        if after_epoch is not None:
            after_epoch(epoch, loss, model, tokenizer)

    known = np.ones(len(rows))
    if variant.wide:
        fitted, offset, known = wide.fit(rows, train, variant.wide, tokens.buckets)
        wide.set_weights(model, fitted)
        on_epoch_end(0, _loss(_softmax(offset), train.actual))
    if variant.network:
        _fit_network(model, variant.training, rows, offset, train.actual, on_epoch_end)
    return Fitted(model, tokenizer, known)


def vary_slots(train: splits.Split, share: float, seed: int) -> list[str]:
    """The texts; those of corpora with parts, which were written for training, with `share` of their names varied."""
    texts = list(train.texts)
    if share:
        written = np.flatnonzero(train.in_part)
        varied = SlotFiller(read_slots(), share, seed).vary([texts[i] for i in written])
        for i, text in zip(written, varied, strict=True):
            texts[i] = text
    return texts


def _fit_network(
    model: keras.Model,
    settings: params.Training,
    rows: list[Encoded],
    offset: np.ndarray,
    actual: np.ndarray,
    on_epoch_end: Callable[[int, float], None],
) -> None:
    """Train the network of `model` on top of the logits `offset`; its layers are shared with `model`."""
    ids = [row["ids"] for row in rows]
    batches = Batches(ids, offset, actual, settings)
    residual = network.residual(model, offset.shape[1])
    step = training_step(residual, keras.optimizers.Adam(_learning_rate(settings, len(batches))))
    for epoch in range(1, settings.epochs + 1):
        losses = [(len(labels), step(ids, offset, labels)) for (ids, offset), labels in batches]
        on_epoch_end(epoch, sum(count * float(loss) for count, loss in losses) / len(rows))


def training_step(residual: keras.Model, optimizer: keras.Optimizer) -> Callable[..., tf.Tensor]:
    """One step of gradient descent on a batch (ids, offset, labels), which gives the batch's mean loss before it.

    It is traced once for batches of all lengths. Keras's `fit` does the same steps, but traces them again for a second
    length and takes more than twice as long to begin.
    """
    cross_entropy = keras.losses.SparseCategoricalCrossentropy()
    weights = residual.trainable_variables
    optimizer.build(weights)
    shapes = ((None, None), tf.int32), ((None, residual.output_shape[-1]), tf.float32), ((None,), tf.int32)

    @tf.function(input_signature=[tf.TensorSpec(*shape) for shape in shapes])
    def step(ids: tf.Tensor, offset: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = cross_entropy(labels, residual([ids, offset], training=True))
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    return step


def _learning_rate(settings: params.Training, steps: int):
    if settings.decay == "none":
        return settings.learning_rate
    return keras.optimizers.schedules.PolynomialDecay(settings.learning_rate, steps * settings.epochs, 0.0)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _loss(predictions: np.ndarray, actual: np.ndarray) -> float:
    """Cross-entropy, as Keras computes it."""
    return float(-np.log(predictions[np.arange(len(predictions)), actual] + 1e-7).mean())


class Curves:
    """The training curves: measures each epoch on the validation split, prints it and logs it to the run."""

    def __init__(self, variant: str, validation: splits.Split, run: tracking.TrainingRun):
        self.variant, self.validation, self.run = variant, validation, run
        self.encoded: list[Encoded] = []
        self.rows: list[dict[str, float]] = []
        self.started = time.perf_counter()

    def __call__(self, epoch: int, loss: float, model: keras.Model, tokenizer: Tokenizer) -> None:
        actual = self.validation.actual
        self.encoded = self.encoded or tokenizer.encode_all(self.validation.texts)
        predictions = probabilities(model, self.encoded)
        row = {
            "loss": loss,
            "val_loss": _loss(predictions, actual),
            "val_mcc": mcc(actual, predictions.argmax(axis=1)),
        }
        self.rows.append({"epoch": epoch, **row})
        self.run.log_epoch(epoch, row)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in row.items())
        print(f"{self.variant}: epoch {epoch}: {figures}, {time.perf_counter() - self.started:.1f} s", flush=True)

    def write(self, path: Path) -> None:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)


def main() -> None:
    args = stage.parse(
        "train",
        __doc__,
        "lstm build/prepared build/lstm/model",
        variant=stage.VARIANT,
        prepared=stage.PREPARED,
        out="the folder for the weights, the tokenizer and the curves",
    )
    variant = params.variant(args.variant)
    tags = {"corpus_sha256": sha256_of_file(args.prepared / "train.csv"), "code_sha256": sha256_of_files(CODE)}
    tags |= stand_in.mark_of_prepared(args.prepared)
    train, validation = (splits.read(args.prepared, name, variant.sources) for name in ("train", "validation"))
    with tracking.training_run(args.variant, variant.model_dump(), tags) as run:
        tracking.log_training_data(args.prepared, variant.sources)
        curves = Curves(args.variant, validation, run)
        fitted = fit(variant, train, curves)
        args.out.mkdir(parents=True, exist_ok=True)
        fitted.model.save_weights(args.out / "model.weights.h5")
        (args.out / "tokenizer.json").write_text(fitted.tokenizer.to_json())
        curves.write(args.out / "curves.csv")
        held_out = pd.DataFrame({"id": train.ids, "known": fitted.known.round(6)})
        held_out.to_csv(args.out / "held_out.csv", index=False)
        weights = sha256_of_files([args.out / "model.weights.h5"])
        run.finish(weights, args.out.parent / tracking.INTERRUPTED)


if __name__ == "__main__":
    stage.run(main, RegistryError)
