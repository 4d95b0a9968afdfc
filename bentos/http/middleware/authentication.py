"""Finds out who calls: the name of the API key, or else the address. The log is kept under that name."""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies
from bentos.errors import CallError
from bentos.http.context import CALLER, OPEN_PATHS, PAGE_PATHS
from bentos.http.pages import wants_page
from bentos.http.responses import refuse

Header = tuple[bytes, bytes]


class Authentication:
    """ASGI middleware that puts the caller's name into the scope; with keys, it refuses a call without a valid one."""

    def __init__(self, app: ASGIApp, proxies: Proxies, keys: Keys | None) -> None:
        self.app = app
        self.proxies = proxies
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_open(scope):
            try:
                scope[CALLER] = _key_name(self.keys, scope["headers"]) if self.keys else self._address(scope)
            except CallError as error:
                return await refuse(scope, receive, send, error)
        await self.app(scope, receive, send)

    def _address(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else None
        if not self.proxies:
            return self.proxies.caller(peer, "")
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self.proxies.caller(peer, b",".join(forwarded).decode("latin-1"))


def is_open(scope: Scope) -> bool:
    """Whether the request needs no caller: it is never counted, limited or asked for a key."""
    path = scope["path"]
    if path in PAGE_PATHS:  # browsers get a page that asks for the key; programs get JSON, for which they need one
        return wants_page(Headers(scope=scope))
    return path in OPEN_PATHS or path.startswith(("/docs/", "/web/"))


def _key_name(keys: Keys, headers: Iterable[Header]) -> str:
    """The name of the key in the headers. Raises CallError: no_key, wrong_key."""
    key = _sent_key(headers)
    if not key:
        raise CallError("no_key", "send one API key: `Authorization: Bearer KEY` or `X-API-Key: KEY`")
    if name := keys.name_of(key):
        return name
    raise CallError("wrong_key", "the API key is not known")


def _sent_key(headers: Iterable[Header]) -> bytes:
    """The key as a bearer token or in X-API-Key. Empty for none, and for two that differ: neither is chosen."""
    keys = set()
    for name, value in headers:
        if name == b"x-api-key":
            keys.add(value.strip())
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            keys.add(value[7:].strip())
    return keys.pop() if len(keys) == 1 else b""
