"""Spans in one process; test_watching.py in tests/system has those of a service that sends them to a collector."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

pytestmark = pytest.mark.anyio


@pytest.fixture
def elsewhere(monkeypatch) -> InMemorySpanExporter:
    """What leaves the process where something else in it makes spans, as `opentelemetry-instrument` does."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


async def test_the_framework_makes_no_spans_of_its_own_with_a_callers_text(client, elsewhere):
    assert (await client.get("/prediction", params={"text": "a secret of mine"})).status_code == 200
    assert not [span.attributes for span in elsewhere.get_finished_spans()]
