"""OpenTelemetry spans, where they are configured: one for a request, and in it `route`, `cache`, `model` and `log`.

They contain versions, counts and durations, never a text. Without configuration no span is made.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from bentos.monitoring.logs import Throttle
from bentos.settings import Settings

FLUSH_SECONDS = 2.0  # that the end of a worker waits for its spans to be sent
COMPLAIN_EVERY = 60.0  # seconds, while the collector is away: each batch fails then

# OpenTelemetry is imported only where spans are made, so its types (Span, Tracer, TracerProvider) are `Any` here.
NO_SPAN: AbstractContextManager[None] = nullcontext()
_tracer: Any = None


def start(settings: Settings) -> Any:
    """Begin to make spans if the settings ask for it. Returns the provider to pass to `stop`, or None.

    OpenTelemetry itself reads its other standard variables (service name, headers, sampler) from the environment.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    any_endpoint = endpoint or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    exporter = settings.otel_traces_exporter or ("otlp" if any_endpoint else "none")
    if exporter == "none":
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if endpoint:  # it may come from `.env`, which OpenTelemetry does not read
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    os.environ.setdefault("OTEL_SERVICE_NAME", settings.api_name)
    provider = TracerProvider(resource=Resource.create(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    global _tracer
    _tracer = provider.get_tracer("bentos")
    return provider


async def stop(provider: Any) -> None:
    """Send the spans that are left, or drop them after FLUSH_SECONDS: a collector that is away delays no shutdown."""
    sending = threading.Thread(target=provider.shutdown, daemon=True)
    sending.start()
    await asyncio.to_thread(sending.join, FLUSH_SECONDS)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http import trace_exporter

    throttle = Throttle(COMPLAIN_EVERY)
    logging.getLogger(trace_exporter.__name__).addFilter(lambda record: throttle())
    return trace_exporter.OTLPSpanExporter()


def span(name: str, version: str = "", texts: int = 0) -> AbstractContextManager[Any]:
    """A span around a part of a request; the context manager gives None where no spans are made."""
    if _tracer is None:
        return NO_SPAN
    attributes = {"spam.model_version": version, "spam.texts": texts} if version else None
    return _start_span(name, attributes=attributes)


def request_span(scope: Mapping[str, Any], request_id: str) -> AbstractContextManager[Any]:
    """The span of the request with this ASGI scope, a child of the caller's own where it sends a `traceparent`."""
    if _tracer is None:
        return NO_SPAN
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    attributes = {"http.request.method": scope["method"], "spam.request_id": request_id}
    context = TraceContextTextMapPropagator().extract(headers, Context())
    return _start_span(scope["method"], context=context, kind=SpanKind.SERVER, attributes=attributes)


def complete(span: Any, method: str, route: str, status: int) -> None:
    """Add the route and the status to a request's span."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(StatusCode.ERROR)


@contextmanager
def _start_span(name: str, **options: Any) -> Iterator[Any]:
    """A span that records an error's type only: its message could contain a text."""
    from opentelemetry.trace import StatusCode

    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False, **options) as span:
        try:
            yield span
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
