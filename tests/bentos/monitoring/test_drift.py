"""The metrics of drift, of one worker and of several."""

import random
import subprocess
import sys
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from bentos.monitoring.drift import SAMPLED, Sample
from bentos.monitoring.metrics import Metrics
from registry.drift import MIN_CALLS, psi

REFERENCE = {"label": {"ham": 870, "spam": 130}, "links": {"0": 900, "1": 100}}

WORKER = """
import json, sys
from pathlib import Path
from bentos.monitoring.worker_metrics import share
collect = share(Path(sys.argv[1]), int(sys.argv[2]))
from bentos.monitoring.metrics import Metrics
metrics = Metrics(collect)
metrics.drift.show({"1": json.loads(sys.argv[3])}, {})
"""


def values(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of their labels, in the order of the labels' names."""
    (family,) = [family for family in metrics.collect() if family.name == name]
    return {tuple(value for _, value in sorted(s.labels.items())): s.value for s in family.samples}


def test_the_index_is_that_of_the_counts_from_enough_texts_on():
    metrics = Metrics()
    few = {"label": {"ham": MIN_CALLS - 1}, "links": {"0": 100, "1": 100}}
    metrics.drift.show({"1": few}, {"1": REFERENCE})
    assert values(metrics, "spam_drift_psi") == {("links", "1"): pytest.approx(psi([900, 100], [100, 100]))}
    assert values(metrics, "spam_drift_texts")["ham", "label", "1"] == MIN_CALLS - 1
    assert values(metrics, "spam_drift_reference")["spam", "label", "1"] == 0.13


def test_a_feature_without_a_reference_and_a_version_that_has_gone_are_not_shown():
    metrics = Metrics()
    histograms = {"label": {"ham": 300}}
    metrics.drift.show({"1": histograms, "2": histograms}, {"1": {"links": {"0": 5}}, "2": REFERENCE})
    assert values(metrics, "spam_drift_psi").keys() == {("label", "2")}
    metrics.drift.show({"1": histograms}, {"1": REFERENCE})
    for name in ("spam_drift_psi", "spam_drift_texts", "spam_drift_reference"):
        assert {labels[-1] for labels in values(metrics, name)} == {"1"}, name
    metrics.drift.show({"1": histograms, "2": {}}, {"1": REFERENCE, "2": REFERENCE})
    assert ("label", "2") not in values(metrics, "spam_drift_psi"), "its texts were forgotten with it"


def test_the_index_of_several_workers_is_that_of_their_counts_together(tmp_path):
    counts = {1: '{"label": {"ham": 190, "spam": 10}}', 2: '{"label": {"ham": 20, "spam": 80}}'}
    for number, histograms in counts.items():
        subprocess.run([sys.executable, "-c", WORKER, tmp_path, str(number), histograms], check=True)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(tmp_path))
    metrics = Metrics(lambda: registry)
    metrics.drift.show({}, {"1": REFERENCE})
    assert values(metrics, "spam_drift_psi") == {("label", "1"): pytest.approx(psi([870, 130], [210, 90]))}
    subprocess.run([sys.executable, "-c", WORKER, tmp_path, "2", '{"label": {"ham": 5}}'], check=True)
    assert values(metrics, "spam_drift_texts") == {("ham", "label", "1"): 195, ("spam", "label", "1"): 10}, (
        "a worker that starts again begins with nothing"
    )


def test_a_sample_is_all_of_few_items_and_an_even_choice_of_many():
    random.seed(1)
    sample, chosen = Sample[int](), Counter()
    for item in range(SAMPLED):
        sample.offer(item)
    assert sample.take() == list(range(SAMPLED)) and sample.take() == []
    for _ in range(2_000):
        for item in range(10 * SAMPLED):
            sample.offer(item)
        chosen.update(sample.take())
    assert chosen.total() == 2_000 * SAMPLED
    assert len(chosen) == 10 * SAMPLED and 120 < min(chosen.values()) < 200 < max(chosen.values()) < 280
