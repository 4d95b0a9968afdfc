"""The published live quality as gauges. It comes from the registry, so every worker shows the same."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client.metrics_core import GaugeMetricFamily, Metric


class QualityFigure(NamedTuple):
    """One figure of a served version: `measure` is what was measured, `bound` is low, value or high."""

    version: str
    measure: str
    bound: str
    value: float


class ShownQuality(NamedTuple):
    """The figures, and the Unix time at which they were measured."""

    measured_at: float
    figures: tuple[QualityFigure, ...]


def quality_metrics(shown: ShownQuality | None) -> Iterator[Metric]:
    """Nothing where none was published."""
    if shown is None:
        return
    description = (
        "Live quality as last published: of texts labelled by reviewers at random, or estimated without labels"
    )
    yield _gauge("spam_live_quality", description, QualityFigure._fields[:-1], shown.figures)
    yield _gauge("spam_live_quality_measured_at", "When the live quality was measured", (), [(shown.measured_at,)])


def _gauge(name: str, description: str, labels: Iterable[str], rows: Iterable[tuple]) -> Metric:
    family = GaugeMetricFamily(name, description, labels=labels)
    for *values, value in rows:
        family.add_metric(values, value)
    return family
