"""What a service of two workers reports about itself: metrics, traces and log lines. The last test ends it."""

import json
import time

import httpx
import pytest

from tests.collector import Collector, attributes
from tests.server import Server
from tests.system.tools import metric, wait_until

CALLS = 'spam_requests_total{route="/prediction",status="200"}'
SECRET = "a text that nobody else may read"


@pytest.fixture(scope="module")
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(tmp_path_factory, collector):
    folder = tmp_path_factory.mktemp("watched")
    tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}  # milliseconds
    with Server(folder, MOCK_MODEL="1", WORKERS="2", LOG_FORMAT="json", TMPDIR=str(folder), **tracing) as server:
        yield server


def ask(server: Server, text: str, **headers: str) -> httpx.Response:
    return server.get("/prediction", params={"text": text}, headers=headers)


def resident(server: Server, worker: int) -> float:
    """The worker's resident memory, in bytes; 0 while it starts."""
    return metric(server, f'process_resident_memory_bytes{{worker="{worker}"}}')


def test_a_request_is_a_trace_within_the_callers_own(server, collector):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    response = ask(server, SECRET, traceparent=f"00-{trace}-{parent}-01")
    wait_until(lambda: len(collector.of(trace)) >= 5)
    spans = collector.of(trace)
    request = spans.pop("GET /prediction")
    assert request.parent_span_id.hex() == parent and request.kind == request.SPAN_KIND_SERVER
    expected = {"http.request.method": "GET", "http.route": "/prediction", "http.response.status_code": 200}
    assert attributes(request) == expected | {"spam.request_id": response.headers["X-Request-ID"]}
    assert set(spans) == {"route", "cache", "model", "log"}
    assert all(span.parent_span_id == request.span_id for span in spans.values())
    assert all(attributes(span)["spam.model_version"] == "mock" for span in spans.values())
    assert (attributes(spans["cache"])["spam.hits"], attributes(spans["model"])["spam.texts"]) == (0, 1)
    assert SECRET.encode() not in b"".join(collector.bodies)


def test_any_worker_tells_the_figures_of_all(server):
    before = metric(server, CALLS)
    for i in range(20):
        assert ask(server, f"text {i}").status_code == 200
    assert {metric(server, CALLS) for _ in range(10)} == {before + 20}


def test_bentomls_names_and_the_workers_processes_are_told_by_any_worker(server):
    wait_until(lambda: all(resident(server, worker) for worker in (1, 2)))  # the first one to be ready answers
    ask(server, "a text")
    labels = 'endpoint="/prediction",http_response_code="200",runner_name="sms-spam"'
    same = f'bentoml_service_request_total{{{labels},service_name="sms-spam",service_version="not available"}}'
    for _ in range(5):
        assert metric(server, same) == metric(server, CALLS) > 0
        assert all(resident(server, worker) > 1e7 for worker in (1, 2))
        assert metric(server, 'spam_version_info{alias="champion",digest="",model_version="mock",variant="mock"}') == 1
    last = "bentoml_service_last_request_timestamp_seconds"
    since = f'{last}{{runner_name="sms-spam",service_name="sms-spam",service_version="not available"}}'
    wait_until(lambda: time.time() - 60 < metric(server, since) <= time.time())


def test_every_line_of_the_log_is_json_without_a_text_and_nothing_is_left_behind(server):
    ask(server, SECRET, **{"X-Request-ID": "the-last"})
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (last,) = [line for line in lines if line.get("request_id") == "the-last"]
    assert (last["route"], last["status"], last["version"]) == ("/prediction", 200, "mock")
    assert SECRET not in server.log.read_text()
    assert not list(server.folder.glob("sms-spam-*")), "the folder that the processes shared"
