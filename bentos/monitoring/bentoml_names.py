"""The HTTP metrics once more, under the names and labels that BentoML gives them.

Its dashboards and the checks that vendors make for it then find what they look for. Nothing is counted twice: the
series are copied when they are asked for.
"""

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric

PREFIX = "bentoml_service_"
COPIES = {  # BentoML's name of each family; the gauges have no label `endpoint`
    "spam_requests": "request",
    "spam_request_seconds": "request_duration_seconds",
    "spam_requests_in_progress": "request_in_progress",
    "spam_last_request_timestamp_seconds": "last_request_timestamp_seconds",
}
LABELS = {"route": "endpoint", "status": "http_response_code", "le": "le"}
UNCOUNTED = "/metrics"  # BentoML does not count it
PROBES = ("/metrics", "/livez", "/healthz", "/readyz")  # BentoML does not take them for requests


def bentoml_metrics(families: Iterable[Metric], name: str, version: str) -> Iterator[Metric]:
    """Copies of those of `families` that BentoML has. `name` and `version` are the bento's."""
    service = {"service_name": name, "service_version": version, "runner_name": name}
    for family in families:
        if family.name in COPIES:
            yield _copy(family, PREFIX + COPIES[family.name], service)


def _copy(family: Metric, name: str, service: dict[str, str]) -> Metric:
    copy = Metric(name, family.documentation, family.type)
    for sample in family.samples:
        if sample.labels.get("route") != UNCOUNTED:
            labels = {LABELS[label]: value for label, value in sample.labels.items()}
            copy.add_sample(name + sample.name.removeprefix(family.name), service | labels, sample.value)
    return copy
