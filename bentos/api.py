"""The HTTP application: routes, limits on what they take, errors that they answer, and counters of it all."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from bentos.callers import Identified
from bentos.documentation import DESCRIPTION, TAGS, add_documentation, add_security
from bentos.draining import Drained
from bentos.failures import add_failures
from bentos.limits import Limited
from bentos.measured import Measured
from bentos.routes import feedback, log, oip, operations, predictions, versions
from bentos.state import State


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
    add_documentation(app)
    if state.access.keys:
        add_security(app)
    add_failures(app)
    app.add_middleware(Limited)
    app.add_middleware(Identified, proxies=state.access.proxies, keys=state.access.keys)
    app.add_middleware(Measured, metrics=state.metrics)  # around the limits: it counts what they refuse, too
    app.add_middleware(Drained, traffic=state.traffic)
    return app
