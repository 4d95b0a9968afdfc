"""Every model that the parameters can describe, exported and held against Keras."""

import itertools

import numpy as np
import pytest

from pipelines import export
from pipelines.model import network
from pipelines.model.backend import make_repeatable
from pipelines.params import Network, Tokens, Training, Variant, Wide
from registry.model import artifact
from registry.model.artifact import Artifact
from registry.model.tokenizer import Tokenizer

WORDS = ("win", "free", "lunch", "home", "later", "£", "<d11>")
TEXTS = ["win", "", "free lunch later", "win " * 400, "nothing known here", "Call 09061701461 £", "home lunch win"]
BUCKETS = 64
PARTS = [(True, False), (False, True), (True, True)]  # deep, wide


def variant(deep=True, wide=True, bidirectional=True, pooling="max"):
    layers = Network(
        embedding=6,
        embedding_dropout=0.4,
        units=5,
        bidirectional=bidirectional,
        dropout=0.2,
        recurrent_dropout=0.2,
        pooling=pooling,
        output_dropout=0.4,
    )
    training = Training(seed=1, epochs=1, batch=8, learning_rate=0.01, decay="none", word_dropout=0.0)
    words, buckets = (len(WORDS) if deep else 0), (BUCKETS if wide else 0)
    return Variant(
        tokens=Tokens(scheme="shapes", max_words=words, max_tokens=300, min_count=1, buckets=buckets),
        wide=Wide(seed=1, regularisation=1.0, folds=2) if wide else None,
        network=layers if deep else None,
        training=training if deep else None,
    )


@pytest.mark.parametrize(("deep", "wide"), PARTS)
@pytest.mark.parametrize(
    ("bidirectional", "pooling", "labels"), list(itertools.product([False, True], ["last", "max"], [2, 3]))
)
def test_the_exported_graph_predicts_what_keras_does(tmp_path, deep, wide, bidirectional, pooling, labels):
    settings = variant(deep, wide, bidirectional, pooling)
    tokenizer = Tokenizer("shapes", WORDS if deep else (), max_tokens=300, buckets=settings.tokens.buckets)
    make_repeatable(1)
    model = network.build(settings, tokenizer.size, labels)
    for weight in model.weights:
        weight.assign(weight * 4)  # far from the small initial values, where everything agrees
    if wide:
        table = np.random.default_rng(1).normal(size=model.get_layer("table").get_weights()[0].shape)
        table[:, -1] **= 2  # a square, as `pipelines.model.wide` leaves it
        table[0] = 0  # the padding
        model.get_layer("table").set_weights([table])
    onnx = export.to_onnx(model, settings, labels).SerializeToString()
    artifact.write(tmp_path, onnx, tokenizer, [f"label {i}" for i in range(labels)], {})
    exported = Artifact.load(tmp_path)
    assert export.difference(model, exported, TEXTS) < export.TOLERANCE
    assert len({tuple(row) for row in exported.probabilities(TEXTS)}) > 3  # the texts do matter
