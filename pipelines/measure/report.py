"""An evaluation as one page for people: report.html, which needs no other file, no script and no network.

`pipelines.evaluate` writes the page of its variant; `pipelines.report` one with all variants side by side.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from pipelines.data import splits
from pipelines.measure import metrics, report_figures
from registry.model.decision import Decision
from registry.model.evaluation import EvaluationDetails, Figures, read_predictions

FAILED = 40  # of the behaviour suite's failed cases, that are listed


@dataclass(frozen=True)
class Evaluated:
    """One column of the page: a variant or a version, and what was measured of it.

    The tables are those of `pipelines.evaluate`, every cell a text. `behaviour` and `curves`, the training's, are empty
    for a version: its files have none.
    """

    name: str
    metadata: dict[str, Any]
    metrics: dict[str, float]
    details: EvaluationDetails
    predictions: pd.DataFrame
    mistakes: pd.DataFrame
    behaviour: pd.DataFrame = field(default_factory=pd.DataFrame)
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def threshold(self) -> float | None:
        """From which probability on the label to catch is answered; None where the most probable label is."""
        return Decision(**self.metadata["decision"]).threshold if "decision" in self.metadata else None

    @property
    def failed(self) -> list[dict[str, str]]:
        """The cases of the behaviour suite that did not pass, at most FAILED."""
        rows = self.behaviour
        return rows[rows["passed"] == "False"].head(FAILED).to_dict("records") if len(rows) else []

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """Counts by actual label, and in it by predicted label."""
        labels = self.metadata["labels"]
        counts = pd.crosstab(self.predictions["actual"], self.predictions["predicted"])
        return counts.reindex(index=labels, columns=labels, fill_value=0).to_dict("index")

    def ranked(self, positive: str) -> tuple[np.ndarray, np.ndarray]:
        """Which messages have the label to catch, bool (n,), and their probability of it, float (n,)."""
        probability = self.predictions[f"p_{positive}"].astype(float)
        return (self.predictions["actual"] == positive).to_numpy(), probability.to_numpy()


def read(name: str, artifact: Path, evaluation: Path, curves: Path | None = None) -> Evaluated:
    """What `pipelines.evaluate` wrote, or what a version holds of it. Raises OSError and ValueError."""
    details = EvaluationDetails.read(evaluation / "details.json")
    has_behaviour = (evaluation / "behaviour.csv").exists()
    return Evaluated(
        name,
        json.loads((artifact / "metadata.json").read_text()),
        json.loads((evaluation / "metrics.json").read_text()),
        details,
        read_predictions(evaluation, details),
        splits.read_table(evaluation, "mistakes"),
        splits.read_table(evaluation, "behaviour") if has_behaviour else pd.DataFrame(),
        pd.read_csv(curves) if curves else pd.DataFrame(),
    )


def render(evaluated: list[Evaluated], positive: str, expectations: list[dict[str, Any]] | None = None) -> str:
    """The page, HTML, of one evaluation or more; the first one's corpora are described.

    `expectations` are the outcomes that `pipelines.validate` writes, where they are to be listed.
    """
    ranked = {one.name: one.ranked(positive) for one in evaluated}
    curves = {one.name: one.curves for one in evaluated if len(one.curves) > 1}
    drawn = [report_figures.precision_recall(ranked, positive), report_figures.calibration(ranked, positive)]
    return _template().render(
        evaluated=evaluated,
        first=evaluated[0],
        positive=positive,
        decided=metrics.names(evaluated[0].metadata["labels"], positive),
        figures=drawn + ([report_figures.training(curves)] if curves else []),
        main=[name for name in evaluated[0].metrics if "." not in name],
        sources=_rows(evaluated, lambda details: details.sources),
        without_twins=_rows(evaluated, _without_twins),
        slices=_rows(evaluated, lambda details: details.slice_figures),
        kinds=_rows(evaluated, _kinds),
        tests=_behaviour(evaluated),
        expectations=expectations or [],
    )


def _rows(
    evaluated: list[Evaluated], part: Callable[[EvaluationDetails], Mapping[str, Figures]]
) -> dict[str, list[Figures | None]]:
    """By name, the figures that each evaluation has under it; None where it has none."""
    columns = [part(one.details) for one in evaluated]
    names = dict.fromkeys(name for column in columns for name in column)
    return {name: [column.get(name) for column in columns] for name in names}


def _without_twins(details: EvaluationDetails) -> dict[str, Figures]:
    return {name: figures.without_twins for name, figures in details.sources.items() if figures.without_twins}


def _kinds(details: EvaluationDetails) -> dict[str, Figures]:
    return {
        f"{source}: {kind}": counted
        for source, figures in details.sources.items()
        for kind, counted in figures.kinds.items()
    }


def _behaviour(evaluated: list[Evaluated]) -> dict[tuple[str, str], list[Any]]:
    """By capability and test, the counts of each evaluation; None where it has none."""
    columns = [one.details.behaviour for one in evaluated]
    names = dict.fromkeys(
        (capability, test) for column in columns for capability in column for test in column[capability]
    )
    return {name: [column.get(name[0], {}).get(name[1]) for column in columns] for name in names}


def _template() -> jinja2.Template:
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=folder, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")
