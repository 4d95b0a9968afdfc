"""The HTTP application: routes, limits on what they take, errors that they answer, and counters of it all."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware

from bentos.callers.access import Access
from bentos.http.error_handlers import add_failures
from bentos.http.limits import Limited
from bentos.http.middleware.authentication import Identified
from bentos.http.middleware.concurrency_limit import Crowded
from bentos.http.middleware.instrumentation import Measured
from bentos.http.middleware.security_headers import Guarded
from bentos.http.oip import routes as oip
from bentos.http.openapi import DESCRIPTION, TAGS, add_security
from bentos.http.responses import HEADER
from bentos.http.routes import feedback, log, operations, predictions, versions
from bentos.http.state import State
from bentos.http.swagger import add_swagger
from bentos.process.draining import Drained

CORS = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Authorization", "Content-Type", "X-API-Key", "X-Request-ID", HEADER],
    "expose_headers": [HEADER, "Retry-After", "X-Request-ID"],
}


def create_app(state: State) -> FastAPI:
    app = FastAPI(
        title=state.api_name, version="1", description=DESCRIPTION, openapi_tags=TAGS, docs_url=None, redoc_url=None
    )
    app.state.service = state
    for subject in (predictions, log, feedback, versions, oip):
        app.include_router(subject.router)
    for router in (oip.model, operations.router):
        app.include_router(router)
    app.mount("/web", StaticFiles(directory=operations.PAGE))
    add_swagger(app)
    if state.access.keys:
        add_security(app)
    add_failures(app)
    _add_middleware(app, state.access)
    app.add_middleware(Measured, metrics=state.metrics)  # around the limits: it counts what they refuse, too
    app.add_middleware(Guarded)
    app.add_middleware(Drained, traffic=state.traffic)
    return app


def _add_middleware(app: FastAPI, access: Access) -> None:
    """The last one added is the first that a request meets."""
    if access.max_concurrency:
        app.add_middleware(Crowded, most=access.max_concurrency)
    app.add_middleware(Limited)
    if access.rates:
        from bentos.callers.rates import Counted

        app.add_middleware(Counted, rates=access.rates)
    app.add_middleware(Identified, proxies=access.proxies, keys=access.keys)
    if access.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=access.cors_origins, **CORS)
