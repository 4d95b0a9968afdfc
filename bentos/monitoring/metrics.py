"""What the service counts, for Prometheus. Every label has few values: no text, path or caller is ever one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from bentos.versions.loaded import Served

if TYPE_CHECKING:
    from bentos.answering.predictor import Answer

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PROBABILITIES = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1)


class Metrics:
    """Counters start at 0 with the service; a gauge is what the worst of its workers says (see `shared.py`)."""

    def __init__(self, collect: Callable[[], CollectorRegistry] | None = None) -> None:
        """`collect` gathers the figures of all workers where there are several."""
        disable_created_metrics()  # else every counter comes with the time of its first count
        self.registry = CollectorRegistry()
        self._collect = collect or (lambda: self.registry)
        self._versions: dict[str, VersionMetrics] = {}
        self._calls()
        self._of_versions()
        self._state()
        self._shadow()

    def _calls(self) -> None:
        self.requests = self._counter("spam_requests", "HTTP requests answered", "route", "status")
        self.latency = self._histogram("spam_request_seconds", "From request to answer", SECONDS, "route")
        self.routed = self._counter("spam_routed_calls", "Calls that named no version, by the answering alias", "alias")
        self.cache_failures = self._counter(
            "spam_cache_failures", "Cache reads (get) and writes (put) that failed", "operation"
        )
        self.cache_bad_rows = self._counter("spam_cache_bad_rows", "Cached rows that were no prediction")
        self.log_failures = self._counter("spam_log_failures", "Calls refused since not logged")
        kinds = ("label", "agreed")  # yes, no, or unknown where a text was sent without an id
        self.feedback = self._counter("spam_feedback", "Corrections, and whether the prediction agreed", *kinds)

    def _of_versions(self) -> None:
        version = "model_version"
        self.version_seconds = self._histogram(
            "spam_version_call_seconds", "Calls that a version answered, until they were logged", SECONDS, version
        )
        self.version_errors = self._counter("spam_version_call_errors", "Calls that it could not answer", version)
        self.predictions = self._counter(
            "spam_predictions", "Texts answered, by source: cache or model", version, "source"
        )
        self.labels = self._counter("spam_labels", "Texts answered, by the most probable label", version, "label")
        self.probability = self._histogram(
            "spam_probability", "Probability of the most probable label", PROBABILITIES, version, "label"
        )
        self.version_events = self._counter(
            "spam_version_events", "Versions loaded, unloaded and refused, by each worker", "event", version
        )

    def _state(self) -> None:
        self.store_up = self._least("spam_store_up", "1 while the store answers", "store")
        self.spooled = self._most("spam_spool_rows", "Rows on disk that wait for the database")
        self.ready = self._least("spam_ready", "1 while calls that name no version can be answered")
        self.versions_loaded = self._least("spam_versions_loaded", "Versions that answer now")
        self.versions_refused = self._most("spam_versions_refused", "Versions that should and cannot")
        self.registry_up = self._least("spam_registry_up", "1 while a model registry is followed and read")
        self.registry_read_at = self._least(
            "spam_registry_read_timestamp_seconds", "When the model registry was last read"
        )

    def _shadow(self) -> None:
        pair = ("model_version", "shadow_version")
        self.shadow_compared = self._counter("spam_shadow_texts", "Answered texts that the shadow answered too", *pair)
        self.shadow_disagreements = self._counter(
            "spam_shadow_disagreements", "Those where the shadow's label is another", *pair
        )
        self.shadow_dropped = self._counter("spam_shadow_dropped", "Texts too many for the shadow")
        self.shadow_failures = self._counter("spam_shadow_failures", "Texts that the shadow failed at")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, what, labels, registry=self.registry, buckets=buckets)

    def _least(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry, multiprocess_mode="livemin")

    def _most(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(name, what, labels, registry=self.registry, multiprocess_mode="livemax")

    def version(self, number: str) -> "VersionMetrics":
        """The version's own series, which are looked up once: that takes longer than to count."""
        if (found := self._versions.get(number)) is None:
            found = self._versions[number] = VersionMetrics(self, number)
        return found

    def swapped(self, before: Served, after: Served) -> None:
        """Count what came and went between two snapshots."""
        old, new = ({version.key: version.number for version in served.versions} for served in (before, after))
        gone, come = ([found[key] for key in found.keys() - other.keys()] for found, other in ((old, new), (new, old)))
        refused = [version.number for version in after.refused if version not in before.refused]
        for event, numbers in (("load", come), ("unload", gone), ("refuse", refused)):
            for number in numbers:
                self.version_events.labels(event, number).inc()

    def shadowed(self, model_version: str, shadow_version: str, compared: int, differing: int) -> None:
        self.shadow_compared.labels(model_version, shadow_version).inc(compared)
        self.shadow_disagreements.labels(model_version, shadow_version).inc(differing)

    def text(self) -> bytes:
        """In Prometheus's text format 0.0.4."""
        return generate_latest(self._collect())


class VersionMetrics:
    """What is counted of one version's calls."""

    def __init__(self, metrics: Metrics, number: str) -> None:
        self._metrics = metrics
        self._number = number
        self._seconds = metrics.version_seconds.labels(number)
        self._cached, self._made = (metrics.predictions.labels(number, source) for source in ("cache", "model"))
        self._labels: dict[str, tuple[Counter, Histogram]] = {}
        self.errors = metrics.version_errors.labels(number)

    def answered(self, answers: "Sequence[Answer]", seconds: float) -> None:
        """Count a call that was answered."""
        self._seconds.observe(seconds)
        cached = sum(answer.from_cache for answer in answers)
        if cached:
            self._cached.inc(cached)
        if made := len(answers) - cached:
            self._made.inc(made)
        for answer in answers:
            times, probability = self._labels.get(answer.label) or self._label(answer.label)
            times.inc()
            probability.observe(answer.prediction[answer.label])

    def _label(self, label: str) -> tuple[Counter, Histogram]:
        names = (self._number, label)
        found = self._labels[label] = (self._metrics.labels.labels(*names), self._metrics.probability.labels(*names))
        return found
