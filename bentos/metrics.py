"""What the service counts, for Prometheus. Every label has few values: no text, path or caller is ever one."""

import time
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.served import Served

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds


class Metrics:
    def __init__(self) -> None:
        disable_created_metrics()  # else every counter comes with the time of its first count
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("spam_requests", "HTTP requests answered", ["route", "status"], registry=registry)
        self.latency = Histogram(
            "spam_request_seconds", "From request to answer", ["route"], registry=registry, buckets=BUCKETS
        )
        self.predictions = Counter(
            "spam_predictions",
            "Texts answered, by source: cache or model",
            ["model_version", "source"],
            registry=registry,
        )
        self.cache_failures = Counter(
            "spam_cache_failures", "Cache reads (get) and writes (put) that failed", ["operation"], registry=registry
        )
        self.cache_bad_rows = Counter("spam_cache_bad_rows", "Cached rows that were no prediction", registry=registry)
        self.log_failures = Counter("spam_log_failures", "Calls refused since not logged", registry=registry)
        self.store_up = Gauge("spam_store_up", "1 while the store answers", ["store"], registry=registry)
        self.ready = Gauge("spam_ready", "1 while calls that name no version can be answered", registry=registry)
        self.version_events = Counter(
            "spam_version_events", "Versions loaded, unloaded and refused", ["event"], registry=registry
        )
        self.versions_loaded = Gauge("spam_versions_loaded", "Versions that answer now", registry=registry)
        self.versions_refused = Gauge("spam_versions_refused", "Versions that should and cannot", registry=registry)
        self.registry_up = Gauge("spam_registry_up", "1 while a model registry is followed and read", registry=registry)
        self.registry_read_at = Gauge(
            "spam_registry_read_timestamp_seconds", "When the model registry was last read", registry=registry
        )
        self.routed = Counter(
            "spam_routed_calls", "Calls that name no version, by the alias that answers", ["alias"], registry=registry
        )
        pair = ["model_version", "shadow_version"]
        self.shadow_compared = Counter(
            "spam_shadow_texts", "Answered texts that the shadow answered too", pair, registry=registry
        )
        self.shadow_disagreements = Counter(
            "spam_shadow_disagreements", "Those where the shadow's label is another", pair, registry=registry
        )
        self.shadow_dropped = Counter("spam_shadow_dropped", "Texts too many for the shadow", registry=registry)
        self.shadow_failures = Counter("spam_shadow_failures", "Texts that the shadow failed at", registry=registry)
        for event in ("load", "unload", "refuse"):
            self.version_events.labels(event)

    def swapped(self, before: Served, after: Served) -> None:
        """Count what came and went between two snapshots."""
        old, new = ({version.key for version in served.versions} for served in (before, after))
        refused = set(after.refused) - set(before.refused)
        for event, many in (("load", new - old), ("unload", old - new), ("refuse", refused)):
            self.version_events.labels(event).inc(len(many))
        self.versions_loaded.set(len(after.versions))
        self.versions_refused.set(len(after.refused))

    def followed(self, read_at: datetime | None, why_stale: str) -> None:
        self.registry_up.set(not why_stale)
        self.registry_read_at.set(read_at.timestamp() if read_at else 0)

    def shadowed(self, model_version: str, shadow_version: str, compared: int, differing: int) -> None:
        self.shadow_compared.labels(model_version, shadow_version).inc(compared)
        self.shadow_disagreements.labels(model_version, shadow_version).inc(differing)

    def answered(self, model_version: str, cached: int, total: int) -> None:
        if cached:
            self.predictions.labels(model_version, "cache").inc(cached)
        if total > cached:
            self.predictions.labels(model_version, "model").inc(total - cached)

    def text(self) -> bytes:
        """In Prometheus's text format 0.0.4."""
        return generate_latest(self.registry)


class Measured:
    """ASGI middleware that counts and times every request by its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.metrics.requests.labels(route, status).inc()
            self.metrics.latency.labels(route).observe(time.perf_counter() - started)
