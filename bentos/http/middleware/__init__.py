"""The ASGI middleware: what every request passes before its route."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from bentos.http.context import Service
from bentos.http.middleware.authentication import Authentication
from bentos.http.middleware.body_limit import BodyLimit
from bentos.http.middleware.in_flight import ConcurrencyLimit, InFlightCounter
from bentos.http.middleware.instrumentation import Instrumentation
from bentos.http.middleware.rate_limit import RateLimit
from bentos.http.middleware.security_headers import SecurityHeaders
from bentos.http.responses import VERSION_HEADER

CORS = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", VERSION_HEADER],
    "expose_headers": [VERSION_HEADER, "Retry-After", "X-Request-ID"],
}


def add_middleware(app: FastAPI, service: Service) -> None:
    layers: list[tuple[type, dict[str, Any]]] = [  # the order of a request's way, outermost first
        (InFlightCounter, {"in_flight": service.in_flight}),
        (SecurityHeaders, {}),
        (Instrumentation, {"metrics": service.metrics}),  # outside the limits, so that it counts what they refuse
    ]
    if service.cors_origins:
        layers.append((CORSMiddleware, {"allow_origins": service.cors_origins, **CORS}))
    access = {"keys": service.keys, "protect_operations": service.protect_operations}
    layers.append((Authentication, {"proxies": service.proxies, **access}))
    if service.rate_limits:
        layers.append((RateLimit, {"rate_limits": service.rate_limits}))
    layers.append((BodyLimit, {}))
    if service.max_concurrency:
        layers.append((ConcurrencyLimit, {"limit": service.max_concurrency}))
    for middleware, arguments in reversed(layers):  # FastAPI puts the last one added outside
        app.add_middleware(middleware, **arguments)
