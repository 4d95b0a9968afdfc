"""Every model that the parameters can describe, converted to ONNX and compared with Keras."""

import itertools

import numpy as np
import pytest

from pipelines import export
from pipelines.model import network
from pipelines.model.backend import make_repeatable
from pipelines.model.sizes import Sizes
from registry.model import artifact
from registry.model.artifact import Artifact
from registry.model.tokenizer import Tokenizer
from tests.pipelines.small import WORDS, variant

TEXTS = ["win", "", "free lunch later", "win " * 400, "nothing known here", "Call 09061701461 £", "home lunch win"]
LSTMS = list(itertools.product([False, True], ["last", "max"]))  # bidirectional, pooling
VARIANTS = [variant(True, wide, *lstm) for wide in (False, True) for lstm in LSTMS] + [variant(deep=False)]
VARIANTS.append(VARIANTS[-1].model_copy(update={"temperature": 2.0}))
ALONE, EXPERTS = [Sizes(2), Sizes(3)], [Sizes(2, experts=2), Sizes(3, experts=3)]
CASES = [(settings, sizes) for settings in VARIANTS for sizes in ALONE + EXPERTS * bool(settings.wide)]


def name_of(settings):
    lstm = settings.network
    deep = ["bidirectional" if lstm.bidirectional else "forward", lstm.pooling] if lstm else []
    return "-".join(deep + ["wide"] * bool(settings.wide) + ["tempered"] * (settings.temperature != 1))


@pytest.mark.parametrize(
    ("settings", "sizes"), CASES, ids=lambda value: name_of(value) if value in VARIANTS else str(value)
)
def test_the_exported_graph_predicts_what_keras_does(tmp_path, settings, sizes):
    tokenizer = Tokenizer("shapes", WORDS if settings.network else (), max_tokens=300, buckets=settings.tokens.buckets)
    make_repeatable(1)
    model = network.build(settings, tokenizer, sizes)
    for weight in model.weights:
        weight.assign(weight * 4)  # far from the small initial values, where everything agrees
    if settings.wide:
        table = np.random.default_rng(1).normal(size=model.get_layer("table").get_weights()[0].shape)
        table[:, -1] **= 2  # a square, as `pipelines.model.wide` leaves it
        table[0] = 0  # the padding
        model.get_layer("table").set_weights([table])
    onnx = network.to_onnx(settings, model, sizes.labels).SerializeToString()
    artifact.write(tmp_path, onnx, tokenizer, [f"label {i}" for i in range(sizes.labels)], {})
    exported = Artifact.load(tmp_path)
    assert export.difference(model, exported, TEXTS) < export.TOLERANCE
    assert len({tuple(row) for row in exported.probabilities(TEXTS)}) > 3  # the texts do matter
