"""A version as an MLflow pyfunc, from texts to {label: probability}. MLflow runs this file when it loads a model."""

from pathlib import Path

import mlflow

from registry.model.artifact import Artifact


class TextClassifier(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        (folder,) = context.artifacts.values()  # `registry.publish` logs one
        self.artifact = Artifact.load(Path(folder))

    def predict(self, context, model_input: list[str], params=None) -> list[dict[str, float]]:
        return self.artifact.predict(model_input)


mlflow.models.set_model(TextClassifier())
