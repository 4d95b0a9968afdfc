"""What a service exposes to Prometheus, and what an expression asks for."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import promql_parser
from prometheus_client.metrics_core import Metric

from bentos.monitoring.info import VersionLabels
from bentos.monitoring.live_quality import QualityFigure, ShownQuality
from bentos.monitoring.metrics import Metrics
from bentos.monitoring.worker_metrics import Processes

SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
MADE = re.compile(r'label_replace\(.*?, "(\w+)", ')
PARTS = ("expr", "lhs", "rhs", "vector_selector", "args")  # of an expression, that are expressions


def exposed(folder: Path) -> dict[str, set[str]]:
    """The names of a service's series, each with its labels: its own metrics, and those of its one process.

    `folder` is an empty one for what a worker notes of itself.
    """
    (folder / "process.1").write_text(str(os.getpid()))
    families = [*_metrics().collect(), *Processes(folder).collect()]
    return {family.name + ending: _labels(family, ending) for family in families for ending in SAMPLES[family.type]}


def selected(part: object) -> Iterator[promql_parser.VectorSelector]:
    """The selectors of series in an expression."""
    if isinstance(part, list):
        for one in part:
            yield from selected(one)
    elif isinstance(part, promql_parser.VectorSelector):
        yield part
    else:
        for name in PARTS:
            yield from selected(getattr(part, name, []))


def grouped(expression: str) -> set[str]:
    """The labels that an expression groups by, or matches on."""
    return {label.strip() for labels in GROUPED.findall(expression) for label in labels.split(",")}


def made(expression: str) -> set[str]:
    """The labels that an expression makes itself of those that there are."""
    return set(MADE.findall(expression))


def matchers(selector: promql_parser.VectorSelector) -> Mapping[str, str]:
    """The values by label that a selector asks for, or asks not to get."""
    return {matcher.name: matcher.value for matcher in selector.matchers.matchers}


def _metrics() -> Metrics:
    """Metrics in which every series that a rule may ask for has been counted: only then it has its labels."""
    metrics = Metrics()
    answer = {"label": "spam", "verdict": "unsure", "unfamiliar": True, "probability": 0.9}
    text = SimpleNamespace(**answer, from_cache=False, from_memory=False, corrected=False)
    metrics.count_request("/prediction", 200, 0.1)
    metrics.version("1").count_answered([text], 0.1)
    metrics.count_version_changes({"load": ["1"]})
    metrics.show_versions([VersionLabels("1", "champion", "digest", "linear")])
    metrics.show_source_problems({"1": False})
    metrics.show_quality(ShownQuality(0, (QualityFigure("1", "caught", "high", 0.9),)))
    metrics.drift.show({"1": {"label": {"spam": 200}}}, {"1": {"label": {"ham": 1, "spam": 1}}})
    metrics.store_up.labels("sqlite").set(1)
    return metrics


def _labels(family: Metric, ending: str) -> set[str]:
    return {label for sample in family.samples if sample.name == family.name + ending for label in sample.labels}
