"""A version as an MLflow pyfunc. MLflow runs this file when it loads a model.

Texts come as a list, a Series, or a DataFrame whose first column has them. The answer is a DataFrame, a row for each:
`label` and `verdict` at the version's operating point, and the probability of each label under the label's name.
"""

import warnings
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from registry.model.artifact import Artifact

warnings.filterwarnings("ignore", message=".*type hints.*")  # MLflow cannot declare columns by type hints


class TextClassifier(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        (folder,) = context.artifacts.values()  # `registry.publish` logs one
        self.artifact = Artifact.load(Path(folder))

    def predict(self, context, model_input, params=None):
        return answers(self.artifact, list(model_input.iloc[:, 0]))


def answers(artifact: Artifact, texts: list[str]) -> pd.DataFrame:
    """The columns label, verdict and a probability for each label, a row for each text."""
    decision = artifact.decision
    rows: list[dict[str, Any]] = [
        {"label": decision.label(prediction), "verdict": decision.verdict(prediction), **prediction}
        for prediction in artifact.predict(texts)
    ]
    return pd.DataFrame(rows, columns=["label", "verdict", *artifact.labels])


mlflow.models.set_model(TextClassifier())
