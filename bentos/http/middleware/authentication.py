"""Who calls: the name under which calls are logged, and shown to nobody else. A key's, or else the address."""

from collections.abc import Iterable

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies
from bentos.errors import CallError, refuse

# For everyone, and never counted or made to wait: they say nothing of texts or callers, and load balancers, Prometheus
# and browsers ask for them without a key.
OPEN = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready"})
CALLER = "bentos.caller"  # in the scope of every call that is not open

CHALLENGE = 'Bearer realm="sms-spam"'


def caller_id(request: Request) -> str:
    return request.scope[CALLER]


class Identified:
    """ASGI middleware that finds out who calls and, where there are keys, answers nobody without one."""

    def __init__(self, app: ASGIApp, proxies: Proxies, keys: Keys | None) -> None:
        self.app = app
        self.proxies = proxies
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_open(scope):
            if self.keys is None:
                scope[CALLER] = self._address(scope)
            elif holder := _holder(self.keys, scope["headers"]):
                scope[CALLER] = holder
            else:
                return await refuse(scope, receive, send, _unknown(scope["headers"]))
        await self.app(scope, receive, send)

    def _address(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else None
        if not self.proxies:
            return self.proxies.caller(peer, "")
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self.proxies.caller(peer, b",".join(forwarded).decode("latin-1"))


def is_open(scope: Scope) -> bool:
    path = scope["path"]
    if path == "/":  # a page for people, which asks for a key; for programs an answer, which needs one
        return "text/html" in Headers(scope=scope).get("accept", "")
    return path in OPEN or path.startswith(("/docs/", "/web/"))


def _holder(keys: Keys, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    key = _sent(headers)
    return keys.holder(key) if key else None


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key as a bearer token or in X-API-Key; empty for none, and for several, of which none is chosen."""
    found = set()
    for name, value in headers:
        if name == b"x-api-key":
            found.add(value.strip())
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            found.add(value[7:].strip())
    return found.pop() if len(found) == 1 else b""


def _unknown(headers: Iterable[tuple[bytes, bytes]]) -> CallError:
    if _sent(headers):
        return CallError(
            401, "wrong_key", "the API key is not known", {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'}
        )
    return CallError(
        401,
        "no_key",
        "send one API key: `Authorization: Bearer KEY` or `X-API-Key: KEY`",
        {"WWW-Authenticate": CHALLENGE},
    )
