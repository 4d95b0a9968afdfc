"""Adds the headers that keep browsers safe: no guessing of types, no caching, nothing loaded from other sites."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.http import policies

Headers = list[tuple[bytes, bytes]]


def _headers(policy: str, caching: bytes = b"no-store") -> Headers:
    return [
        (b"content-security-policy", policy.encode()),
        (b"cache-control", caching),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]


_ANSWERS = _headers(policies.NOTHING)
_SWAGGER = _headers(policies.SWAGGER)
_SWAGGER_FILES = _headers(policies.NOTHING, b"max-age=3600")
_PAGE_FILES = _headers(policies.NOTHING, b"no-cache")


class SecurityHeaders:
    """ASGI middleware that adds the headers which the route has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        defaults = _defaults(scope["path"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                names = {name for name, _ in headers}
                message["headers"] = headers + [header for header in defaults if header[0] not in names]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _defaults(path: str) -> Headers:
    if path == "/docs":
        return _SWAGGER
    if path.startswith("/web/"):
        return _PAGE_FILES
    return _SWAGGER_FILES if path.startswith("/docs/") else _ANSWERS
