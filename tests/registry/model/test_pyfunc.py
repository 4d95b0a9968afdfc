"""A version as MLflow's users load it."""

import mlflow
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server

from tests.toyregistry import MODEL_NAME

TEXTS = ["win a free prize", "lunch at home"]
URI = f"models:/{MODEL_NAME}@champion"
COLUMNS = ["label", "verdict", "ham", "spam"]


@pytest.fixture
def connected(registry):
    """MLflow's own functions find the registry, whose version 1 is champion."""
    registry.point({}, {"champion": "1"})
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)


@pytest.fixture
def model(connected):
    return mlflow.pyfunc.load_model(URI)


def test_mlflow_loads_a_version_and_predicts_texts(model):
    for texts in (TEXTS, pd.Series(TEXTS), pd.DataFrame({"text": TEXTS})):
        answers = model.predict(texts)
        assert answers["label"].tolist() == answers["verdict"].tolist() == ["spam", "ham"]
        assert answers["spam"][0] > 0.99 and answers["ham"][1] > 0.99


def test_the_answers_have_the_index_of_the_texts(model):
    messages = pd.DataFrame({"text": TEXTS}, index=["a", "b"])
    assert messages.join(model.predict(messages)).loc["b", ["text", "label"]].tolist() == ["lunch at home", "ham"]


def test_the_signature_declares_each_column(model):
    assert model.metadata.signature.outputs.input_names() == COLUMNS


def test_a_scoring_server_takes_a_split_dataframe(model):
    client = TestClient(scoring_server.init(model))
    body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}}
    rows = client.post("/invocations", json=body).json()["predictions"]
    assert [list(row) for row in rows] == [COLUMNS] * 2 and [row["label"] for row in rows] == ["spam", "ham"]


def test_mlflow_evaluates_a_version_as_a_classifier(connected, registry, tmp_path):
    data = pd.DataFrame({"text": [*TEXTS, "free cash", "later"], "label": ["spam", "ham", "spam", "spam"]})
    experiment = registry.client.create_experiment("pyfunc", tmp_path.as_uri())
    with mlflow.start_run(experiment_id=experiment):
        measured = mlflow.models.evaluate(
            URI,
            data,
            targets="label",
            model_type="classifier",
            model_config={"column": "label"},
            evaluator_config={"pos_label": "spam", "label_list": ["ham", "spam"]},
        ).metrics
    assert (measured["accuracy_score"], measured["recall_score"]) == (0.75, pytest.approx(2 / 3))
