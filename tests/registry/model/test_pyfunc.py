"""A version as MLflow's users load it."""

import mlflow
import pandas as pd
import pytest

from tests.toyregistry import MODEL_NAME

TEXTS = ["win a free prize", "lunch at home"]


@pytest.fixture
def model(registry):
    registry.point({}, {"champion": "1"})
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    return mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}@champion")


def test_mlflow_loads_a_version_and_predicts_texts(model):
    for texts in (TEXTS, pd.Series(TEXTS), pd.DataFrame({"text": TEXTS})):
        answers = model.predict(texts)
        assert answers["label"].tolist() == answers["verdict"].tolist() == ["spam", "ham"]
        assert answers["spam"][0] > 0.99 and answers["ham"][1] > 0.99


def test_the_signature_declares_each_column(model):
    assert model.metadata.signature.outputs.input_names() == ["label", "verdict", "ham", "spam"]
