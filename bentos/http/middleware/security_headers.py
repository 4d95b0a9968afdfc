"""What every answer tells browsers: to guess no types, to keep nothing, to load and frame nothing from elsewhere."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOTHING = b"default-src 'none'; frame-ancestors 'none'"
_OWN = (  # Swagger UI styles its elements one by one, and has icons within its style sheet
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def _headers(policy: bytes, caching: bytes = b"no-store") -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", policy),
        (b"cache-control", caching),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
    ]


_ANSWERS = _headers(_NOTHING)
_PAGES = {"/": _headers(_OWN), "/docs": _headers(_OWN)}
_SWAGGER = _headers(_NOTHING, b"max-age=3600")
_WEB = _headers(_NOTHING, b"no-cache")


class Guarded:
    """ASGI middleware that adds these headers where the route has not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = _of(scope["path"])

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                names = {name for name, _ in given}
                message["headers"] = given + [pair for pair in wanted if pair[0] not in names]
            await send(message)

        await self.app(scope, receive, guarded)


def _of(path: str) -> list[tuple[bytes, bytes]]:
    if path in _PAGES:
        return _PAGES[path]
    if path.startswith("/web/"):
        return _WEB
    return _SWAGGER if path.startswith("/docs/") else _ANSWERS
