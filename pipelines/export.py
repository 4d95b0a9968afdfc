"""Convert a trained variant to the ONNX artifact that serving uses, and choose its operating point.

    python -m pipelines.export VARIANT PREPARED MODEL OUT

The operating point is chosen on the validation split. Every test message goes through both models: a label that
differs, or a probability that differs by 1e-5 or more, fails the stage.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import params, stage
from pipelines.data import splits, stand_in
from pipelines.hashing import sha256_of_file, sha256_of_files
from pipelines.measure import operating_point
from pipelines.model import batches, network
from pipelines.model.backend import keras
from pipelines.model.sizes import Sizes, sizes_of
from registry.model import artifact
from registry.model.decision import Decision
from registry.model.tokenizer import Tokenizer

TOLERANCE = 1e-5


def load(variant: params.Variant, folder: Path, sizes: Sizes) -> tuple[keras.Model, Tokenizer]:
    """What `pipelines.train` wrote to `folder`."""
    tokenizer = Tokenizer.from_json((folder / "tokenizer.json").read_text())
    model = network.build(variant, tokenizer, sizes)
    model.load_weights(folder / "model.weights.h5")
    return model, tokenizer


def difference(model: keras.Model, exported: artifact.Artifact, texts: list[str]) -> float:
    """The largest absolute difference in probability over the texts. Raises SystemExit where a label differs."""
    by_keras = batches.probabilities(model, exported.tokenizer.encode_all(texts))
    by_onnx = exported.probabilities(texts)
    differ = np.flatnonzero(by_keras.argmax(axis=1) != by_onnx.argmax(axis=1))
    if len(differ):
        raise SystemExit(f"export: {len(differ)} test messages get another label, the first: {texts[differ[0]]!r}")
    return float(np.abs(by_keras - by_onnx).max())


def choose_decision(
    model: keras.Model, tokenizer: Tokenizer, variant: params.Variant, args: argparse.Namespace
) -> Decision:
    """The operating point, on the validation messages of the corpora that the variant is trained on."""
    loaded = params.load()
    validation = splits.read(args.prepared, "validation", variant.sources)
    answers = batches.probabilities(model, tokenizer.encode_all(validation.texts))
    number = validation.labels.index(loaded.positive)
    sources = validation.corpora
    known = pd.read_csv(args.model / "held_out.csv")["known"].to_numpy()
    return operating_point.choose(
        answers[:, number], validation.actual == number, sources, loaded.positive, known, loaded.decision
    )


def main() -> None:
    args = stage.parse(
        "export",
        __doc__,
        "lstm build/prepared build/lstm/model build/lstm/artifact",
        variant=stage.VARIANT,
        prepared=stage.PREPARED,
        model=stage.MODEL,
        out="the folder for the artifact",
    )
    variant = params.variant(args.variant)
    test = splits.read(args.prepared, "test")
    model, tokenizer = load(variant, args.model, sizes_of(splits.read(args.prepared, "train", variant.sources)))
    metadata = {
        "variant": args.variant,
        "corpus_sha256": sha256_of_file(args.prepared / "train.csv"),
        "weights_sha256": sha256_of_files([args.model / "model.weights.h5"]),
        **stand_in.mark_of_prepared(args.prepared),
    }
    onnx = network.to_onnx(variant, model, len(test.labels)).SerializeToString(deterministic=True)
    decision = choose_decision(model, tokenizer, variant, args) if variant.operating_point else None
    artifact.write(args.out, onnx, tokenizer, test.labels, metadata, decision)
    largest = difference(model, artifact.Artifact.load(args.out), test.texts)
    if largest >= TOLERANCE:
        raise SystemExit(f"export: ONNX and Keras differ by {largest:.1e} on a test message, the bound is {TOLERANCE}")
    print(f"{args.variant}: exported; {len(test.texts)} test messages agree with Keras to {largest:.1e}")


if __name__ == "__main__":
    stage.run(main)
