"""The file details.json of an evaluation: everything measured of a version beside its metrics.

`pipelines.evaluate` writes it; the model card, the drift report and the MLflow run read it.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from registry.model.profile import TextProfile


class CaseCount(BaseModel):
    """How many cases of a behaviour test there are, and how many passed."""

    cases: int
    passed: int


class EvaluationDetails(BaseModel):
    """What details.json holds; a section that was not measured is empty."""

    intervals: dict[str, tuple[float, float]] = {}  # 95 % bootstrap interval (low, high) of each metric
    slices: dict[str, dict[str, int | float]] = {}  # by part of the test split: the count of messages, and metrics
    behaviour: dict[str, dict[str, CaseCount]] = {}  # by capability and test of the behaviour suite
    crossval: dict[str, Any] = {}  # the variant's part of pipelines/search/crossval.json
    baseline: dict[str, float] = {}  # metrics of the TF-IDF baseline on the same test split
    data: dict[str, Any] = {}  # the report of `pipelines.prepare`, and the corpus's source
    training: TextProfile | None = None  # of the training set
    test: dict[str, int | str] = {}  # the count of test messages, and the SHA-256 of test.csv

    @classmethod
    def read(cls, path: Path) -> "EvaluationDetails":
        """Raises OSError, and ValueError when the file holds something else."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.model_dump(), indent=2) + "\n")  # pydantic's own JSON writes NaN as null
