"""A version as an MLflow pyfunc. MLflow runs this file when it loads a model.

Texts come as a list, a Series, or a DataFrame whose first column has them. The answer is a DataFrame, a row for each,
with its index: `label` and `verdict` at the version's operating point, and the probability of each label under the
label's name. Loaded with `model_config={"column": "label"}`, it answers that column alone, as a Series, which is what
`mlflow.models.evaluate` takes for the answer of a classifier.
"""

import warnings
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd

from registry.model.artifact import Artifact

warnings.filterwarnings("ignore", message=".*type hints.*")  # MLflow cannot declare columns by type hints


COLUMN = "column"  # the key of the model's configuration; its value is the name of a column, or empty for all


class TextClassifier(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        (folder,) = context.artifacts.values()  # `registry.publish` logs one
        self.artifact = Artifact.load(Path(folder))
        self.column = (context.model_config or {}).get(COLUMN)

    def predict(self, context, model_input, params=None):
        table = answers(self.artifact, list(model_input.iloc[:, 0])).set_index(model_input.index)
        return table[self.column] if self.column else table


def answers(artifact: Artifact, texts: list[str]) -> pd.DataFrame:
    """The columns label, verdict and a probability for each label, a row for each text."""
    decision = artifact.decision
    rows: list[dict[str, Any]] = [
        {"label": decision.label(prediction), "verdict": decision.verdict(prediction), **prediction}
        for prediction in artifact.predict(texts)
    ]
    return pd.DataFrame(rows, columns=["label", "verdict", *artifact.labels])


mlflow.models.set_model(TextClassifier())
