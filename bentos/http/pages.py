"""The service's pages for browsers: files of bentos/web, on paths where programs get JSON."""

from pathlib import Path

from fastapi.responses import FileResponse
from starlette.datastructures import Headers

from bentos.http import policies

WEB = Path(__file__).parents[1] / "web"


def wants_page(headers: Headers) -> bool:
    return "text/html" in headers.get("accept", "")


def page(name: str) -> FileResponse:
    return FileResponse(WEB / name, headers={"Vary": "Accept", "Content-Security-Policy": policies.PAGE})
