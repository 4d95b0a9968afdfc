"""Swagger UI at /docs, served by this process: it loads nothing from other sites."""

from html import escape
from pathlib import Path
from typing import Any

import bentoml._internal.server as bentoml_server
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse, HTMLResponse

_ASSETS = Path(bentoml_server.__file__).parent / "static_content"  # BentoML brings Swagger UI
_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-light-32x32.png")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-light-32x32.png">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
_START = """
SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true})
"""


def add_swagger(app: FastAPI) -> None:
    """Serve Swagger UI. Its start script is a file, since the Content-Security-Policy refuses scripts inside a page."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(_PAGE.format(title=escape(app.title)))

    @app.get("/docs/start.js", include_in_schema=False)
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    for name in _FILES:
        app.get(f"/docs/{name}", include_in_schema=False)(_sender(_ASSETS / name))


def _sender(path: Path) -> Any:
    async def send() -> FileResponse:
        return FileResponse(path)

    return send
