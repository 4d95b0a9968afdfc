"""Metrics whose values are all 1: what they tell is in their labels."""

import platform
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

BUILD_LABELS = ("version", "bento", "python", "bentoml")


class VersionLabels(NamedTuple):
    """What is told of a served version. `alias` is one of its aliases, empty where it has none."""

    model_version: str
    alias: str
    digest: str
    variant: str


class Bento(NamedTuple):
    """What BentoML calls the service that it runs."""

    name: str = "sms-spam"
    version: str = "not available"


def version_info(served: Iterable[VersionLabels]) -> Metric:
    return _info("spam_version_info", "The served versions, a series for each alias", VersionLabels._fields, served)


def build_info(bento: Bento) -> Metric:
    return _info("spam_build_info", "What runs", BUILD_LABELS, [_build(bento)])


@cache
def _build(bento: Bento) -> tuple[str, ...]:
    """The values of BUILD_LABELS; the version is empty where the service runs from a checkout."""
    try:
        own = version("sms-spam")
    except PackageNotFoundError:
        own = ""
    return own, ":".join(bento), platform.python_version(), version("bentoml")


def _info(name: str, description: str, labels: Sequence[str], rows: Iterable[Sequence[str]]) -> Metric:
    family = GaugeMetricFamily(name, description, labels=labels)
    for row in rows:
        family.add_metric(row, 1)
    return family
