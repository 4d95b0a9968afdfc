"""A version as an MLflow pyfunc: texts in, {label: probability} out. MLflow runs this file when it loads a model."""

from pathlib import Path

import mlflow

from registry.model.artifact import Artifact
from registry.versions import PAYLOAD


class TextClassifier(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.artifact = Artifact.load(Path(context.artifacts[PAYLOAD]))

    def predict(self, context, model_input: list[str], params=None) -> list[dict[str, float]]:
        return self.artifact.predict(model_input)


mlflow.models.set_model(TextClassifier())
