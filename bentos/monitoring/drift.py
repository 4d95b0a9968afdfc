"""The metrics of drift: what the texts of each version are like, beside those that it was trained on.

| metric | what |
| --- | --- |
| spam_drift_texts | how many of the sampled texts are in each bin of each feature (`registry.model.profile`) |
| spam_drift_reference | the share of the training set in that bin |
| spam_drift_psi | the population stability index of the two (`registry.drift`), from MIN_CALLS texts on |

The index of all workers is not the sum of theirs. So each worker shows its counts, and the worker that is asked for the
metrics adds them up and computes the index. It knows the references itself, and shows no version that is not served.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from registry.drift import indices
from registry.model.profile import Histogram

TEXTS = "spam_drift_texts"
SAMPLED = 10  # texts of a version that a sample holds

Histograms = Mapping[str, Histogram]  # by feature
Item = TypeVar("Item")


class Sample(Generic[Item]):
    """A random sample of what was offered since it was taken last: reservoir sampling (Vitter, 1985, algorithm R)."""

    def __init__(self) -> None:
        self._kept: list[Item] = []
        self._offered = 0

    def offer(self, item: Item) -> None:
        self._offered += 1
        if len(self._kept) < SAMPLED:
            self._kept.append(item)
        elif (place := int(random.random() * self._offered)) < SAMPLED:
            self._kept[place] = item

    def take(self) -> list[Item]:
        """The sample; a new one begins."""
        kept, self._kept, self._offered = self._kept, [], 0
        return kept


class DriftMetrics:
    """The counts of this worker as a gauge, and what is computed of the counts of all workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(
            TEXTS,
            "Sampled texts of the last hour, or of a day at most where these are few, by what they are like",
            ("model_version", "feature", "bin"),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._shown: dict[tuple[str, str, str], int] = {}
        self._references: Mapping[str, Histograms] = {}

    def show(self, texts: Mapping[str, Histograms], references: Mapping[str, Histograms]) -> None:
        """Set the gauge to the histograms `texts`, and remember what to compare them with; both by version number."""
        counts = {
            (version, feature, name): count
            for version, histograms in texts.items()
            for feature, histogram in histograms.items()
            for name, count in histogram.items()
        }
        for series in self._shown.keys() | counts.keys():
            if (count := counts.get(series, 0)) != self._shown.get(series):
                self._gauge.labels(*series).set(count)
                self._shown[series] = count
        self._references = dict(references)

    def complete(self, families: Iterable[Metric]) -> Iterator[Metric]:
        """The families of all workers: in place of this gauge, all metrics of drift of the versions served now."""
        for family in families:
            if family.name == TEXTS:
                yield from self._metrics(family)
            else:
                yield family

    def _metrics(self, counted: Metric) -> Iterator[Metric]:
        counted.samples = [s for s in counted.samples if s.labels["model_version"] in self._references and s.value]
        yield counted
        texts: dict[str, dict[str, Histogram]] = defaultdict(lambda: defaultdict(dict))
        for sample in counted.samples:
            texts[sample.labels["model_version"]][sample.labels["feature"]][sample.labels["bin"]] = int(sample.value)
        yield self._reference_metric()
        psi = GaugeMetricFamily(
            "spam_drift_psi",
            "Population stability index of the texts against the version's training set",
            labels=("model_version", "feature"),
        )
        for version, reference in self._references.items():
            for feature, index in indices(reference, texts[version]).items():
                psi.add_metric((version, feature), index)
        yield psi

    def _reference_metric(self) -> Metric:
        family = GaugeMetricFamily(
            "spam_drift_reference",
            "Share of the version's training set that is like this",
            labels=("model_version", "feature", "bin"),
        )
        for version, reference in self._references.items():
            for feature, histogram in reference.items():
                for name, count in histogram.items():
                    family.add_metric((version, feature, name), count / max(sum(histogram.values()), 1))
        return family
