"""The file details.json of an evaluation: everything measured of a version beside its metrics.

`pipelines.evaluate` writes it; the model card, the drift report and the MLflow run read it.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from registry.model.profile import TextProfile

if TYPE_CHECKING:
    import pandas as pd


class CaseCount(BaseModel):
    """How many cases of a behaviour test there are, and how many passed."""

    cases: int
    passed: int


class Share(BaseModel):
    """`count` of `of` messages, with the exact 95 % interval of the share (Clopper and Pearson, 1934)."""

    count: int
    of: int
    low: float
    high: float


class Figures(BaseModel):
    """How many of the messages to catch were caught, and of the others blocked; None where there are none."""

    messages: int
    caught: Share | None = None
    blocked: Share | None = None


class SourceFigures(Figures):
    """The figures of one corpus: of its test split, or of all its messages where it is outside."""

    trained: bool = False  # whether the version was trained on the corpus's training split
    without_twins: Figures | None = None  # of a corpus outside: without near-twins of messages to train on
    kinds: dict[str, Figures] = {}  # by kind of message, where the corpus tells it


class CorpusInfo(BaseModel):
    """Where a corpus is from, as params.yaml says it, or the stand-in for it.

    A missing one was optional, and is not measured.
    """

    name: str
    role: str
    source: str = ""
    licence: str = ""
    years: str | int = ""
    missing: bool = False


class EvaluationDetails(BaseModel):
    """What details.json holds; a section that was not measured is empty."""

    intervals: dict[str, tuple[float, float]] = {}  # 95 % interval (low, high) of each metric on the test split
    slices: dict[str, dict[str, int | float]] = {}  # by part of the test split: the count of messages, and metrics
    slice_figures: dict[str, Figures] = {}  # what is caught and blocked of each slice
    behaviour: dict[str, dict[str, CaseCount]] = {}  # by capability and test of the behaviour suite
    crossval: dict[str, Any] = {}  # the variant's part of pipelines/search/crossval.json
    baseline: dict[str, float] = {}  # metrics of the TF-IDF baseline on the same test split
    data: dict[str, Any] = {}  # the report of `pipelines.prepare`
    training: TextProfile | None = None  # of the training set
    test: dict[str, int | str] = {}  # the main corpus's count of test messages, and the SHA-256 of test.csv
    corpora: list[CorpusInfo] = []  # as configured; the first is the main corpus, of which the metrics are
    sources: dict[str, SourceFigures] = {}  # by corpus, of those that are not missing
    inapplicable: dict[str, str] = {}  # families of metrics that this corpus cannot have, such as behaviour, and why

    @classmethod
    def read(cls, path: Path) -> "EvaluationDetails":
        """Raises OSError, and ValueError when the file holds something else."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.model_dump(), indent=2) + "\n")  # pydantic's own JSON writes NaN as null


def read_predictions(evaluation: Path, details: EvaluationDetails) -> "pd.DataFrame":
    """The predictions that the metrics are of: those of the main corpus's test messages, every cell a text.

    Raises OSError and ValueError.
    """
    import pandas as pd  # takes a third of a second

    rows = pd.read_csv(evaluation / "predictions.csv", dtype=str, keep_default_na=False)
    return rows[rows["source"] == details.corpora[0].name] if details.corpora else rows
