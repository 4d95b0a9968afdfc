"""`python -m tests.benchmarks.peers.workshop_model FOLDER`: the workshop's network as the workshop made it.

The same layers with the weights of the variant `workshop`, but without the mask, so that every text is padded to 300
tokens. Written twice: as a Keras file, `model.keras`, and as MLflow logs a TensorFlow model, signed on ids, `mlflow`.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from pipelines import params
from pipelines.export import load
from pipelines.model.backend import keras
from pipelines.model.sizes import Sizes

TRAINED = Path("build/workshop/model")
LENGTH = 300
REQUIREMENTS = ("mlflow", "tensorflow", "keras")


def unmasked(variant: params.Variant, trained: keras.Model) -> keras.Model:
    """From int32 ids (n, LENGTH) to probabilities (n, 2)."""
    deep, settings = trained.get_layer("deep"), variant.network
    weights = [weight for name in ("embedding", "recurrent", "output") for weight in deep.get_layer(name).get_weights()]
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(*weights[0].shape),
            keras.layers.SpatialDropout1D(settings.embedding_dropout),
            keras.layers.LSTM(settings.units, dropout=settings.dropout, recurrent_dropout=settings.recurrent_dropout),
            keras.layers.Dense(weights[-1].size, activation="softmax"),
        ]
    )
    model.set_weights(weights)
    return model


def main() -> None:
    folder = Path(sys.argv[1])
    variant = params.variant("workshop")
    trained, _ = load(variant, TRAINED, Sizes(labels=2))
    model = unmasked(variant, trained)
    model.save(folder / "model.keras")
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype("int32"), (-1, LENGTH))]), Schema([TensorSpec(np.dtype("float32"), (-1, 2))])
    )
    requirements = [f"{name}=={version(name)}" for name in REQUIREMENTS]
    mlflow.tensorflow.save_model(model, str(folder / "mlflow"), signature=signature, pip_requirements=requirements)


if __name__ == "__main__":
    main()
