"""Limits the size of a body and the time that it may take to arrive."""

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.errors import CallError
from bentos.http.limits import BODY_SECONDS, MAX_BODIES, MAX_BODY
from bentos.http.responses import refuse


class BodyLimit:
    """ASGI middleware that reads the whole body, within the limits, before the application sees the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.arriving = 0  # bytes of all bodies that are arriving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _check_query(scope["query_string"])
            message = await self._read(dict(scope["headers"]), receive)
        except CallError as error:
            return await refuse(scope, receive, send, error)

        async def receive_body() -> Message:
            nonlocal message
            if message is None:
                return await receive()
            first, message = message, None
            return first

        await self.app(scope, receive_body, send)

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> Message | None:
        """The whole body as one ASGI message; None for a request without one."""
        length = headers.get(b"content-length", b"0")
        if length == b"0" and b"transfer-encoding" not in headers:
            return None
        if int(length) > MAX_BODY:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
                return await self._join(message, receive) if message.get("more_body") else message
        except TimeoutError:
            raise CallError("too_slow", f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None

    async def _join(self, message: Message, receive: Receive) -> Message:
        """The body's parts as one message, or the message that says that the client has gone."""
        body = bytearray()
        try:
            while message["type"] == "http.request":
                part = message.get("body", b"")
                body += part
                self.arriving += len(part)
                if len(body) > MAX_BODY:
                    raise _too_large()
                if self.arriving > MAX_BODIES:
                    raise CallError("overloaded", "too many bodies arrive at once: retry", retry_after=1)
                if not message.get("more_body"):
                    return {"type": "http.request", "body": bytes(body), "more_body": False}
                message = await receive()
            return message
        finally:
            self.arriving -= len(body)


def _check_query(query: bytes) -> None:
    """Refuse a query that is not UTF-8: its broken characters would be replaced, and another text answered."""
    if b"%" not in query and query.isascii():
        return
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise CallError("invalid_encoding", "the query is not UTF-8") from None


def _too_large() -> CallError:
    return CallError("too_large", f"a body may have up to {MAX_BODY:,} bytes")
