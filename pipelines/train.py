"""Train one variant, and log each epoch to MLflow.

    python -m pipelines.train VARIANT PREPARED OUT

writes OUT/model.weights.h5, OUT/tokenizer.json (its vocabulary is learnt from train alone) and OUT/curves.csv. The same
inputs give the same bytes.
"""

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np

from pipelines import params, stage, tracking
from pipelines.data import splits, stand_in
from pipelines.hashing import sha256_of_files
from pipelines.model import network, wide
from pipelines.model.backend import keras, make_repeatable
from pipelines.model.batches import Batches, probabilities
from registry.metrics import mcc
from registry.model.tokenizer import Encoded, Tokenizer

CODE = [Path(__file__), *sorted(Path(__file__).with_name("model").glob("*.py"))]
AfterEpoch = Callable[[int, float, keras.Model, Tokenizer], None]


def fit(
    variant: params.Variant, train: splits.Split, after_epoch: AfterEpoch | None = None
) -> tuple[keras.Model, Tokenizer]:
    """Train `variant`; `after_epoch` is called with the epoch, its loss, the model and the tokenizer.

    A wide part is fitted first and counts as epoch 0. The network then learns on top of the logits that the wide part
    gives each message while it is held out.
    """
    seed = (variant.training or variant.wide).seed
    tokens = variant.tokens
    tokenizer = Tokenizer.fit(train.texts, **tokens.model_dump())
    rows = [tokenizer.encode(text) for text in train.texts]
    make_repeatable(seed)
    labels = len(train.labels)
    model = network.build(variant, tokenizer, labels)
    offset = np.zeros((len(rows), labels), dtype=np.float32)

    def on_epoch_end(epoch: int, loss: float) -> None:
        if after_epoch is not None:
            after_epoch(epoch, loss, model, tokenizer)

    if variant.wide:
        fitted, offset = wide.fit(rows, train.actual, train.groups, variant.wide, tokens.buckets)
        wide.set_weights(model, fitted)
        on_epoch_end(0, _loss(_softmax(offset), train.actual))
    if variant.network:
        _fit_network(model, variant.training, rows, offset, train.actual, on_epoch_end)
    return model, tokenizer


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
    batches = Batches(ids, offset, actual, settings.batch, settings.word_dropout, settings.seed)
    residual = network.residual(model, offset.shape[1])
    residual.compile(keras.optimizers.Adam(_learning_rate(settings, len(batches))), "sparse_categorical_crossentropy")
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: on_epoch_end(epoch + 1, logs["loss"]))
    residual.fit(batches, epochs=settings.epochs, shuffle=False, callbacks=[callback], verbose=0)


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
    """The training curves: measures each epoch on the validation split, prints it and logs it to MLflow."""

    def __init__(self, variant: str, validation: splits.Split):
        self.variant, self.validation = variant, validation
        self.rows: list[dict[str, float]] = []
        self.started = time.perf_counter()

    def __call__(self, epoch: int, loss: float, model: keras.Model, tokenizer: Tokenizer) -> None:
        actual = self.validation.actual
        predictions = probabilities(model, [tokenizer.encode(text) for text in self.validation.texts])
        row = {
            "loss": loss,
            "val_loss": _loss(predictions, actual),
            "val_mcc": mcc(actual, predictions.argmax(axis=1)),
        }
        self.rows.append({"epoch": epoch, **row})
        mlflow.log_metrics(row, step=epoch)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in row.items())
        print(f"{self.variant}: epoch {epoch}: {figures}, {time.perf_counter() - self.started:.1f} s", flush=True)

    def write(self, path: Path) -> None:
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, self.rows[0])
            writer.writeheader()
            writer.writerows(self.rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example: python -m pipelines.train lstm build/prepared build/lstm/model",
    )
    parser.add_argument("variant")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    variant = params.variant(args.variant)
    corpus = [args.prepared / f"{name}.csv" for name in ("train", "validation")]
    tags = {"corpus_sha256": sha256_of_files(corpus), "code_sha256": sha256_of_files(CODE)}
    tags |= stand_in.mark_of_prepared(args.prepared)
    train, validation = (splits.read(args.prepared, name) for name in ("train", "validation"))
    with tracking.training_run(args.variant, variant.model_dump(), tags):
        curves = Curves(args.variant, validation)
        model, tokenizer = fit(variant, train, curves)
        args.out.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out / "model.weights.h5")
        (args.out / "tokenizer.json").write_text(tokenizer.to_json())
        curves.write(args.out / "curves.csv")
        mlflow.set_tag(tracking.WEIGHTS, sha256_of_files([args.out / "model.weights.h5"]))


if __name__ == "__main__":
    stage.run(main)
