"""OpenTelemetry spans, where it is configured: one of a request, and in it `route`, `cache`, `model` and `log`.

They say versions, counts and durations, never a text. Where nothing is configured no span is ever made.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from starlette.types import Scope

from bentos.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

LINGER = 2.0  # seconds that the end of a worker waits for its spans to be sent
QUIET = 60.0  # seconds between two complaints about the collector

NOTHING: AbstractContextManager[None] = nullcontext()

_tracer: "Tracer | None" = None


def start(settings: Settings) -> "TracerProvider | None":
    """Trace from now on, if the settings say so; what is returned is to be stopped in the end.

    What else the standard has (service name, headers, sampler, ...) OpenTelemetry reads from the environment itself.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    somewhere = endpoint or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    exporter = settings.otel_traces_exporter or ("otlp" if somewhere else "none")
    if exporter == "none":
        return None
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if endpoint:  # from `.env`, perhaps
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    os.environ.setdefault("OTEL_SERVICE_NAME", settings.api_name)
    provider = TracerProvider(resource=Resource.create(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
    global _tracer
    _tracer = provider.get_tracer("bentos")
    return provider


async def stop(provider: "TracerProvider") -> None:
    """Send the spans that are left, or give them up: a collector that is away must not hold up the end."""
    sending = threading.Thread(target=provider.shutdown, daemon=True)
    sending.start()
    await asyncio.to_thread(sending.join, LINGER)


def _exporter(name: str) -> Any:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http import trace_exporter

    logging.getLogger(trace_exporter.__name__).addFilter(_seldom())
    return trace_exporter.OTLPSpanExporter()


def _seldom() -> Callable[[logging.LogRecord], bool]:
    """A filter that lets one line pass and then none for a while: each batch fails while a collector is away."""
    quiet_until = 0.0

    def passes(record: logging.LogRecord) -> bool:
        nonlocal quiet_until
        if record.created < quiet_until:
            return False
        quiet_until = record.created + QUIET
        return True

    return passes


def span(name: str, version: str = "", texts: int = 0) -> "AbstractContextManager[Span | None]":
    """A span around a part of a request; None inside it where nothing is traced."""
    if _tracer is None:
        return NOTHING
    about = {"spam.model_version": version, "spam.texts": texts} if version else None
    return _traced(_tracer, name, attributes=about)


def request(scope: Scope, request_id: str) -> "AbstractContextManager[Span | None]":
    """The span of a whole request, within the caller's where it sends a `traceparent`."""
    if _tracer is None:
        return NOTHING
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    about = {"http.request.method": scope["method"], "spam.request_id": request_id}
    context = TraceContextTextMapPropagator().extract(sent, Context())
    return _traced(_tracer, scope["method"], context=context, kind=SpanKind.SERVER, attributes=about)


def answered(span: "Span", method: str, route: str, status: int) -> None:
    """Complete the span of a request."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(StatusCode.ERROR)


@contextmanager
def _traced(tracer: "Tracer", name: str, **options: Any) -> "Iterator[Span]":
    """A span that tells an error by its type alone: what it says could have a text in it."""
    from opentelemetry.trace import StatusCode

    with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False, **options) as span:
        try:
            yield span
        except Exception as error:
            span.set_status(StatusCode.ERROR, type(error).__name__)
            raise
