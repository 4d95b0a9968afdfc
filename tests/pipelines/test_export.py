"""What the stage compares; `tests/pipelines/model/test_network.py` converts every kind of model."""

import numpy as np
import pytest

from pipelines import export
from pipelines.model import network
from pipelines.model.backend import make_repeatable
from pipelines.model.sizes import Sizes
from registry.model import artifact
from registry.model.tokenizer import Tokenizer
from tests.pipelines.small import WORDS, variant


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A Keras model, and an artifact whose graph has other weights: its labels are the wrong way round."""
    folder = tmp_path_factory.mktemp("artifact")
    settings, tokenizer = variant(wide=False, bidirectional=False), Tokenizer("shapes", WORDS, max_tokens=300)
    make_repeatable(1)
    model = network.build(settings, tokenizer, Sizes(2))
    output = model.get_layer("deep").get_layer("output")
    kernel, bias = output.get_weights()
    output.set_weights([kernel[:, ::-1], bias + np.array([1, -1])])
    onnx = network.to_onnx(settings, model, 2).SerializeToString()
    artifact.write(folder, onnx, tokenizer, ["ham", "spam"], {})
    output.set_weights([kernel, bias])
    return model, artifact.Artifact.load(folder)


def test_a_label_that_differs_ends_the_stage_and_names_the_message(exported):
    model, loaded = exported
    with pytest.raises(SystemExit, match=r"export: \d+ test messages get another label, the first: '"):
        export.difference(model, loaded, ["win", "free lunch later", "home lunch win", "Call 09061701461 £"])
