import mlflow

from tests.toyregistry import MODEL_NAME


def test_mlflow_loads_a_version_and_predicts_texts(registry):
    registry.point({}, {"champion": "1"})
    mlflow.set_tracking_uri(registry.tracking_uri)
    mlflow.set_registry_uri(registry.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{MODEL_NAME}@champion")
    spam, ham = model.predict(["win a free prize", "lunch at home"])
    assert spam["spam"] > 0.99 and ham["ham"] > 0.99
