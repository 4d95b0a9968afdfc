"""BentoML's dashboards find its metrics: the names and labels are those of its own middleware."""

from collections.abc import Iterator

import pytest
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from prometheus_client.parser import text_string_to_metric_families

from bentos.http.gauges import update_gauges
from bentos.monitoring.bentoml_names import PROBES

pytestmark = pytest.mark.anyio

SOCKETS_AND_BATCHES = ("websocket", "adaptive_batch")  # which the service does not have


class Recorder:
    """Takes the place of BentoML's metrics client; `defined` has the labels of each name."""

    def __init__(self) -> None:
        self.defined: dict[str, set[str]] = {}

    def define(self, namespace: str, name: str, labelnames: list[str], **_: object) -> None:
        if not name.startswith(SOCKETS_AND_BATCHES):
            self.defined[f"{namespace}_{name}"] = set(labelnames)

    Counter = Gauge = Histogram = Summary = define


def bentomls_own() -> tuple[dict[str, set[str]], tuple[str, ...]]:
    """The labels of each metric that BentoML's middleware defines, and the paths that are no requests to it."""
    recorder = Recorder()
    middleware = RunnerTrafficMetricsMiddleware(None, namespace="bentoml_service")
    middleware._setup(metrics_client=recorder, duration_buckets=(1.0,))
    return recorder.defined, middleware.skip_paths


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        if family.name.startswith("bentoml_service_"):
            for sample in family.samples:
                yield sample.name, sample.labels, sample.value


async def test_the_names_and_labels_are_bentomls(client, service):
    await client.get("/prediction", params={"text": "a"})
    service.metrics.show_requests(1, 5.0)
    update_gauges(service)
    defined, probes = bentomls_own()
    assert set(probes) <= set(PROBES)
    told: dict[str, set[str]] = {}
    for name, labels, _ in samples(service.metrics.text().decode()):
        told.setdefault(name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count"), set()).update(labels)
    assert told.keys() == defined.keys()
    for name, labels in defined.items():
        gauge = name.endswith(("in_progress", "timestamp_seconds"))
        assert told[name] - {"le"} == (labels - {"endpoint"} if gauge else labels), name


async def test_they_have_the_values_of_our_own(client, service):
    service.metrics.show_requests(0, 3.0)
    for text in ("a", "b", " "):
        await client.get("/prediction", params={"text": text})
    service.metrics.show_requests(2, 4.0)
    await client.get("/livez")
    service.metrics.show_requests(2, 5.0)
    await client.get("/metrics")
    found = {(n, frozenset(labels.items())): v for n, labels, v in samples((await client.get("/metrics")).text)}
    bento = {"service_name": "sms-spam", "service_version": "not available", "runner_name": "sms-spam"}

    def value(name: str, **labels: str) -> float | None:
        return found.get((f"bentoml_service_{name}", frozenset((bento | labels).items())))

    ok, bad = ({"endpoint": "/prediction", "http_response_code": code} for code in ("200", "422"))
    assert (value("request_total", **ok), value("request_total", **bad)) == (2, 1)
    assert (
        value("request_duration_seconds_count", **ok) == value("request_duration_seconds_bucket", le="+Inf", **ok) == 2
    )
    assert (value("request_in_progress"), value("last_request_timestamp_seconds")) == (2, 4.0), "probes do not count"
    assert value("request_total", endpoint="/metrics", http_response_code="200") is None
