"""Puts the HTTP application together."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from bentos.http.context import Service
from bentos.http.error_handlers import add_error_handlers
from bentos.http.middleware import add_middleware
from bentos.http.oip.routes import model_router, server_router
from bentos.http.openapi import DESCRIPTION, TAGS, add_security
from bentos.http.pages import WEB
from bentos.http.routes import bentoml_api, feedback, log, operations, predictions, review, versions
from bentos.http.swagger import add_swagger

# FastAPI's own spans would have the query, and so a caller's text; `bentos.monitoring.tracing` makes ours.
NO_TELEMETRY = {"tracing": False, "metrics": False, "logs": False}


def create_app(service: Service) -> FastAPI:
    app = FastAPI(
        title=service.api_name,
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
    )
    app.state.service = service
    modules = (predictions, bentoml_api, log, feedback, review, versions)
    for router in (*(module.router for module in modules), server_router, model_router, operations.router):
        app.router.routes += router.routes  # `include_router` looks for the route of a call twice, in each router
    app.mount("/web", StaticFiles(directory=WEB))
    add_swagger(app)
    if service.keys:
        add_security(app, service.protect_operations)
    add_error_handlers(app)
    add_middleware(app, service)
    return app
