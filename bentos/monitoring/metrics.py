"""The service's metrics for Prometheus. Every label has few values: never a text, a path or a caller."""

from collections import Counter as TextCount
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import Metric

from bentos.monitoring.bentoml_names import PROBES, bentoml_metrics
from bentos.monitoring.drift import DriftMetrics, Sample
from bentos.monitoring.info import Bento, VersionLabels, build_info, version_info
from bentos.monitoring.live_quality import ShownQuality, quality_metrics

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
PROBABILITIES = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999, 1)


class AnsweredText(Protocol):
    """What is counted of an answered text."""

    input: str
    prediction: Mapping[str, float]
    label: str
    verdict: str
    unfamiliar: bool
    probability: float
    from_cache: bool
    from_memory: bool
    corrected: bool


class Metrics:
    """Counters start at 0 with the service. Of several workers' values a gauge shows the worst, or the sum."""

    def __init__(self, collect: Callable[[], CollectorRegistry] | None = None, bento: Bento | None = None) -> None:
        """`collect` gathers the metrics of all workers (see `worker_metrics`)."""
        disable_created_metrics()  # without this every counter has a second series with its start time
        self.registry = CollectorRegistry()
        self._collect = collect or (lambda: self.registry)
        self._bento = bento or Bento()
        self._served: tuple[VersionLabels, ...] = ()
        self._quality: ShownQuality | None = None
        self._answered: float | None = None  # requests, other than probes, when they were last looked at
        self._requests: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._routed: dict[str, Counter] = {}
        self._versions: dict[str, VersionMetrics] = {}
        self._sources: set[str] = set()  # the versions that have a gauge of their own
        self._define_calls()
        self._define_versions()
        self._define_state()
        self._define_shadow()
        self.drift = DriftMetrics(self.registry)
        self._define_review()

    def _define_calls(self) -> None:
        self.requests = self._counter("spam_requests", "HTTP requests answered", "route", "status")
        self.latency = self._histogram("spam_request_seconds", "From request to answer", SECONDS, "route", "status")
        self.in_progress = self._sum("spam_requests_in_progress", "Requests being answered, a second ago at most")
        self.last_request = self._maximum(
            "spam_last_request_timestamp_seconds", "When a request, other than of health or metrics, was last answered"
        )
        self.routed = self._counter("spam_routed_calls", "Calls that named no version, by the answering alias", "alias")
        self.cache_failures = self._counter(
            "spam_cache_failures", "Cache reads (get) and writes (put) that failed", "operation"
        )
        self.cache_bad_rows = self._counter("spam_cache_bad_rows", "Cached rows that were no prediction")
        self.log_failures = self._counter("spam_log_failures", "Calls refused since not logged")
        self.rate_limit_fallbacks = self._counter(
            "spam_rate_limit_fallbacks", "Calls counted by one worker alone, since the storage of limits did not answer"
        )
        labels = ("label", "agreed")  # agreed: yes, no, or unknown where a text was sent without an id
        self.feedback = self._counter("spam_feedback", "Corrections, and whether the prediction agreed", *labels)

    def _define_versions(self) -> None:
        version = "model_version"
        self.version_seconds = self._histogram(
            "spam_version_call_seconds", "Calls that a version answered, until they were logged", SECONDS, version
        )
        self.version_errors = self._counter("spam_version_call_errors", "Calls that it could not answer", version)
        self.predictions = self._counter(
            "spam_predictions", "Texts answered, by source: memory, cache, model or correction", version, "source"
        )
        self.labels = self._counter("spam_labels", "Texts answered, by the answered label", version, "label")
        self.unsure = self._counter("spam_unsure", "Texts answered with the verdict unsure", version)
        self.unfamiliar = self._counter("spam_unfamiliar", "Texts unlike all that the version has learnt", version)
        self.probability = self._histogram(
            "spam_probability", "Probability of the answered label", PROBABILITIES, version, "label"
        )
        self.version_events = self._counter(
            "spam_version_events", "Versions loaded, unloaded and refused, by each worker", "event", version
        )

    def _define_state(self) -> None:
        self.store_up = self._minimum("spam_store_up", "1 while the store answers", "store")
        self.spooled = self._maximum("spam_spool_rows", "Rows on disk that wait for the database")
        self.ready = self._minimum("spam_ready", "1 while calls that name no version can be answered")
        self.versions_loaded = self._minimum("spam_versions_loaded", "Versions that answer now")
        self.versions_refused = self._maximum("spam_versions_refused", "Versions that should and cannot")
        self.source_problem = self._maximum(
            "spam_version_source_problem",
            "1 while the registry would not give the version as it is served",
            "model_version",
        )
        self.rate_limits_shared = self._minimum(
            "spam_rate_limits_shared", "1 while rate limits are counted in a storage that services share"
        )
        self.registry_up = self._minimum("spam_registry_up", "1 while a model registry is followed and read")
        self.registry_read_at = self._minimum(
            "spam_registry_read_timestamp_seconds", "When the model registry was last read"
        )

    def _define_shadow(self) -> None:
        pair = ("model_version", "shadow_version")
        self.shadow_compared = self._counter("spam_shadow_texts", "Answered texts that the shadow answered too", *pair)
        self.shadow_disagreements = self._counter(
            "spam_shadow_disagreements", "Those where the shadow's label is another", *pair
        )
        self.shadow_dropped = self._counter("spam_shadow_dropped", "Texts too many for the shadow")
        self.shadow_failures = self._counter("spam_shadow_failures", "Texts that the shadow failed at")

    def _define_review(self) -> None:
        self.questions = self._counter("spam_review_questions", "Answered texts that a person is asked about", "reason")
        self.questions_dropped = self._counter(  # why: the hourly bound, a full queue, or the store
            "spam_review_dropped", "Answered texts that a person should have been asked about", "reason", "why"
        )

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, description, labels, registry=self.registry, buckets=buckets)

    def _minimum(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(name, description, labels, registry=self.registry, multiprocess_mode="livemin")

    def _maximum(self, name: str, description: str, *labels: str) -> Gauge:
        return Gauge(name, description, labels, registry=self.registry, multiprocess_mode="livemax")

    def _sum(self, name: str, description: str) -> Gauge:
        return Gauge(name, description, registry=self.registry, multiprocess_mode="livesum")

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count an answered request. Its series are looked up once, since a look-up takes longer than counting."""
        series = self._requests.get((route, status))
        if series is None:
            series = self.requests.labels(route, status), self.latency.labels(route, status)
            self._requests[route, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def count_routed(self, alias: str) -> None:
        """Count a call that named no version."""
        if (series := self._routed.get(alias)) is None:
            series = self._routed[alias] = self.routed.labels(alias)
        series.inc()

    def show_requests(self, in_progress: int, now: float) -> None:
        """Set the gauges of the requests that are being answered and of the last one, `now` being the Unix time.

        Called every second: setting them at each request would take time from it.
        """
        self.in_progress.set(in_progress)
        answered = sum(
            sample.value for sample in self.requests.collect()[0].samples if sample.labels["route"] not in PROBES
        )
        if self._answered is not None and answered > self._answered:
            self.last_request.set(now)
        self._answered = answered

    def show_versions(self, versions: Iterable[VersionLabels]) -> None:
        """Tell of the versions that are served now."""
        self._served = tuple(versions)

    def show_quality(self, quality: ShownQuality | None) -> None:
        """Tell of the live quality that was published; None where none was."""
        self._quality = quality

    def version(self, number: str) -> "VersionMetrics":
        """The series of one version. They are looked up once, since a look-up takes longer than counting."""
        if (metrics := self._versions.get(number)) is None:
            metrics = self._versions[number] = VersionMetrics(self, number)
        return metrics

    def take_samples(self) -> dict[str, list[AnsweredText]]:
        """A sample of the texts that each version has answered since the last call, by its number."""
        return {number: version.sample.take() for number, version in self._versions.items()}

    def count_version_changes(self, changes: Mapping[str, Sequence[str]]) -> None:
        """`changes` has version numbers by event: load, unload, refuse."""
        for event, numbers in changes.items():
            for number in numbers:
                self.version_events.labels(event, number).inc()

    def show_source_problems(self, problems: Mapping[str, bool]) -> None:
        """Set the gauge of each version; 0 for one that is not served any more."""
        for number in self._sources | problems.keys():
            self.source_problem.labels(number).set(problems.get(number, False))
        self._sources |= problems.keys()

    def count_shadowed(self, model_version: str, shadow_version: str, compared: int, differing: int) -> None:
        self.shadow_compared.labels(model_version, shadow_version).inc(compared)
        self.shadow_disagreements.labels(model_version, shadow_version).inc(differing)

    def count_questions_dropped(self, reason: str, why: str, many: int) -> None:
        """Looked up at each call, as it is made at the bounds alone: a look-up takes a microsecond."""
        self.questions_dropped.labels(reason, why).inc(many)

    def total_dropped(self, reason: str) -> int:
        """The questions of this reason that all workers dropped since the service started."""
        samples = (sample for family in self._collect().collect() for sample in family.samples)
        named = (sample for sample in samples if sample.name == "spam_review_dropped_total")
        return int(sum(sample.value for sample in named if sample.labels["reason"] == reason))

    def collect(self) -> Iterator[Metric]:
        """All metrics of all workers, and what this worker knows of the build, the served versions and their quality.

        A gauge of a version would stay in the files that the workers share when the version has gone.
        """
        families = list(self.drift.complete(self._collect().collect()))
        yield from families
        yield from bentoml_metrics(families, *self._bento)
        yield version_info(self._served)
        yield build_info(self._bento)
        yield from quality_metrics(self._quality)

    def text(self) -> bytes:
        """In Prometheus's text format 0.0.4."""
        return generate_latest(self)


class VersionMetrics:
    """The metrics of one version's calls."""

    def __init__(self, metrics: Metrics, number: str) -> None:
        self._metrics = metrics
        self._number = number
        self._seconds = metrics.version_seconds.labels(number)
        sources = ("memory", "cache", "model", "correction")
        self._sources = {name: metrics.predictions.labels(number, name) for name in sources}
        self._by_label: dict[str, tuple[Counter, Histogram]] = {}
        self._unsure, self._unfamiliar = metrics.unsure.labels(number), metrics.unfamiliar.labels(number)
        self.errors = metrics.version_errors.labels(number)
        self.sample = Sample[AnsweredText]()

    def count_answered(self, answers: Sequence[AnsweredText], seconds: float) -> None:
        """Count one call, which took `seconds`, and its texts."""
        self._seconds.observe(seconds)
        memory, cached, corrected = (
            sum(getattr(answer, name) for answer in answers) for name in ("from_memory", "from_cache", "corrected")
        )
        model = len(answers) - cached - corrected
        counts = {"memory": memory, "cache": cached - memory, "correction": corrected, "model": model}
        for source, texts in counts.items():
            if texts:
                self._sources[source].inc(texts)
        said = [answer for answer in answers if not answer.corrected]  # by the version
        for label, texts in TextCount(answer.label for answer in said).items():
            self._series(label)[0].inc(texts)
        for answer in said:
            self._series(answer.label)[1].observe(answer.probability)
            if answer.verdict != answer.label:
                self._unsure.inc()
            if answer.unfamiliar:
                self._unfamiliar.inc()
            self.sample.offer(answer)

    def _series(self, label: str) -> tuple[Counter, Histogram]:
        return self._by_label.get(label) or self._add_label(label)

    def _add_label(self, label: str) -> tuple[Counter, Histogram]:
        names = (self._number, label)
        series = self._metrics.labels.labels(*names), self._metrics.probability.labels(*names)
        self._by_label[label] = series
        return series
