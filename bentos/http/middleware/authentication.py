"""Finds out who calls, the name of the API key or else the address, and whether it has the right that the path needs.

The log is kept under that name. Without keys a caller on this machine has all rights, and others `predict` alone.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from bentos.callers.keys import Keys
from bentos.callers.proxies import Proxies, is_local
from bentos.callers.rights import ALL, PREDICT_ALONE, Caller, in_order
from bentos.errors import CallError
from bentos.http.context import CALLER, OPEN_PATHS, PAGE_PATHS, RIGHTS
from bentos.http.pages import wants_page
from bentos.http.responses import refuse
from bentos.http.rights import METRICS, right_of

Header = tuple[bytes, bytes]


class Authentication:
    """ASGI middleware that puts the caller's name and rights into the scope.

    It refuses a call without the right that its path needs and, where there are keys, without a valid one.
    """

    def __init__(self, app: ASGIApp, proxies: Proxies, keys: Keys | None, protect_operations: bool) -> None:
        self.app = app
        self.proxies = proxies
        self.keys = keys
        self.protect_operations = protect_operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._authenticate(scope)
            except CallError as error:
                return await refuse(scope, receive, send, error)
        await self.app(scope, receive, send)

    def _authenticate(self, scope: Scope) -> None:
        """Raises CallError: no_key, wrong_key, no_right."""
        path, is_limited = scope["path"], not is_open(scope)
        if not is_limited and not (self.protect_operations and path == METRICS):
            return
        caller = _holder(self.keys, scope["headers"]) if self.keys else self._by_address(scope)
        if is_limited:  # not /metrics: an overloaded service can still be watched
            scope[CALLER], scope[RIGHTS] = caller  # before the check: the log says whose call is refused
        right = right_of(path, self.protect_operations)
        if right and right not in caller.rights:
            raise _no_right(right, caller if self.keys else None)

    def _by_address(self, scope: Scope) -> Caller:
        peer = scope["client"][0] if scope.get("client") else None
        values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        forwarded = b",".join(values).decode("latin-1") if values else ""
        name = self.proxies.caller(peer, forwarded if self.proxies else "")
        return Caller(name, ALL if is_local(name, forwarded) else PREDICT_ALONE)


def is_open(scope: Scope) -> bool:
    """Whether the request needs no caller: it is never counted, limited or asked for a key."""
    path = scope["path"]
    if path in PAGE_PATHS:  # browsers get a page that asks for the key; programs get JSON, for which they need one
        return wants_page(Headers(scope=scope))
    return path in OPEN_PATHS or path.startswith(("/docs/", "/web/"))


def _holder(keys: Keys, headers: Iterable[Header]) -> Caller:
    """Whose key is in the headers. Raises CallError: no_key, wrong_key."""
    key = _sent_key(headers)
    if not key:
        raise CallError("no_key", "send one API key: `Authorization: Bearer KEY` or `X-API-Key: KEY`")
    if caller := keys.caller_of(key):
        return caller
    raise CallError("wrong_key", "the API key is not known")


def _no_right(right: str, holder: Caller | None) -> CallError:
    """`holder` is the key's, None where there are no keys."""
    if holder is None:
        detail = f"this needs the right `{right}`, which without API keys only callers on the service's machine have"
        return CallError("no_right", detail)
    given = ", ".join(in_order(holder.rights))
    detail = f"this needs a key with the right `{right}`; the one sent, {holder.name}'s, has: {given}"
    return CallError("no_right", detail, right=right)


def _sent_key(headers: Iterable[Header]) -> bytes:
    """The key as a bearer token or in X-API-Key. Empty for none, and for two that differ: neither is chosen."""
    keys = set()
    for name, value in headers:
        if name == b"x-api-key":
            keys.add(value.strip())
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            keys.add(value[7:].strip())
    return keys.pop() if len(keys) == 1 else b""
