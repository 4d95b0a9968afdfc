"""Train one variant, logging to MLflow as it goes.

    python -m pipelines.train VARIANT PREPARED OUT

writes OUT/model.weights.h5, OUT/tokenizer.json (its vocabulary learnt from train alone) and OUT/curves.csv. The same
inputs give the same bytes.
"""

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
from sklearn.metrics import matthews_corrcoef

from pipelines import params, tracking
from pipelines.data import splits
from pipelines.hashing import sha256_of_files
from pipelines.model import network, wide
from pipelines.model.backend import keras, make_repeatable
from pipelines.model.batches import Batches, probabilities
from registry.model.tokenizer import Encoded, Tokenizer

CODE = [Path(__file__), *sorted(Path(__file__).with_name("model").glob("*.py"))]
AfterEpoch = Callable[[int, float, keras.Model, Tokenizer], None]


def fit(
    variant: params.Variant, train: splits.Split, after_epoch: AfterEpoch | None = None
) -> tuple[keras.Model, Tokenizer]:
    """Train `variant`; `after_epoch` gets the epoch, its loss, the model and the tokenizer.

    Epoch 0 is the wide part alone. Where there is one, the network learns on top of the logits that it gives each
    message while held out.
    """
    seed = (variant.training or variant.wide).seed
    tokens = variant.tokens
    tokenizer = Tokenizer.fit(train.texts, **tokens.model_dump())
    rows = [tokenizer.encode(text) for text in train.texts]
    make_repeatable(seed)
    labels = len(train.labels)
    model = network.build(variant, tokenizer.size, labels)
    offset = np.zeros((len(rows), labels), dtype=np.float32)

    def tell(epoch: int, loss: float) -> None:
        if after_epoch is not None:
            after_epoch(epoch, loss, model, tokenizer)

    if variant.wide:
        fitted, offset = wide.fit(rows, train.actual, train.groups, variant.wide, tokens.buckets)
        network.set_wide(model, fitted)
        tell(0, _loss(_softmax(offset), train.actual))
    if variant.network:
        _fit_network(model, variant.training, rows, offset, train.actual, tell)
    return model, tokenizer


def _fit_network(
    model: keras.Model,
    settings: params.Training,
    rows: list[Encoded],
    offset: np.ndarray,
    actual: np.ndarray,
    tell: Callable[[int, float], None],
) -> None:
    ids = [row["ids"] for row in rows]
    batches = Batches(ids, offset, actual, settings.batch, settings.word_dropout, settings.seed)
    learner = network.residual(model, offset.shape[1])
    learner.compile(keras.optimizers.Adam(_rate(settings, len(batches))), "sparse_categorical_crossentropy")
    telling = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: tell(epoch + 1, logs["loss"]))
    learner.fit(batches, epochs=settings.epochs, shuffle=False, callbacks=[telling], verbose=0)


def _rate(settings: params.Training, steps: int):
    if settings.decay == "none":
        return settings.learning_rate
    return keras.optimizers.schedules.PolynomialDecay(settings.learning_rate, steps * settings.epochs, 0.0)


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _loss(found: np.ndarray, actual: np.ndarray) -> float:
    return float(-np.log(found[np.arange(len(found)), actual] + 1e-7).mean())


class Curves:
    """Measures each epoch on the validation split; keeps the rows, prints them and logs them to MLflow."""

    def __init__(self, variant: str, validation: splits.Split):
        self.variant, self.validation = variant, validation
        self.rows: list[dict[str, float]] = []
        self.started = time.perf_counter()

    def __call__(self, epoch: int, loss: float, model: keras.Model, tokenizer: Tokenizer) -> None:
        actual = self.validation.actual
        found = probabilities(model, [tokenizer.encode(text) for text in self.validation.texts])
        row = {
            "loss": loss,
            "val_loss": _loss(found, actual),
            "val_mcc": float(matthews_corrcoef(actual, found.argmax(axis=1))),
        }
        self.rows.append({"epoch": epoch, **row})
        mlflow.log_metrics(row, step=epoch)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in row.items())
        print(f"{self.variant}: epoch {epoch}: {figures}, {time.perf_counter() - self.started:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variant")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    variant = params.variant(args.variant)
    corpus = [args.prepared / f"{name}.csv" for name in ("train", "validation")]
    tags = {"corpus_sha256": sha256_of_files(corpus), "code_sha256": sha256_of_files(CODE)}
    train, validation = (splits.read(args.prepared, name) for name in ("train", "validation"))
    with tracking.training_run(args.variant, variant.model_dump(), tags):
        curves = Curves(args.variant, validation)
        model, tokenizer = fit(variant, train, curves)
        args.out.mkdir(parents=True, exist_ok=True)
        model.save_weights(args.out / "model.weights.h5")
        (args.out / "tokenizer.json").write_text(tokenizer.to_json())
        with open(args.out / "curves.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, curves.rows[0])
            writer.writeheader()
            writer.writerows(curves.rows)
        mlflow.set_tag(tracking.WEIGHTS, sha256_of_files([args.out / "model.weights.h5"]))


if __name__ == "__main__":
    main()
