"""How much a call may send, and how long it may take to send it."""

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.errors import CallError, refuse

MAX_CHARACTERS = 10_000  # of one text
MAX_TEXTS = 1_000  # of one call
MAX_BODY = 8 * 1024 * 1024  # bytes
MAX_HELD = 256 * 1024 * 1024  # bytes of all bodies that arrive at once
BODY_SECONDS = 30.0  # for the whole body to arrive


class Limited:
    """ASGI middleware that reads the body, as far as the limits go, before the application sees the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.held = 0  # bytes of the bodies that arrive now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            _check_query(scope["query_string"])
            first = await self._read(dict(scope["headers"]), receive)
        except CallError as error:
            return await refuse(scope, receive, send, error)

        async def replayed() -> Message:
            nonlocal first
            if first is None:
                return await receive()
            message, first = first, None
            return message

        await self.app(scope, replayed, send)

    async def _read(self, headers: dict[bytes, bytes], receive: Receive) -> Message | None:
        """The whole body as one ASGI message, or None for a request that has none."""
        length = headers.get(b"content-length", b"0")
        if length == b"0" and b"transfer-encoding" not in headers:
            return None
        if int(length) > MAX_BODY:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
                return await self._gather(message, receive) if message.get("more_body") else message
        except TimeoutError:
            raise CallError(408, "too_slow", f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None

    async def _gather(self, message: Message, receive: Receive) -> Message:
        body = bytearray()
        try:
            while message["type"] == "http.request":
                piece = message.get("body", b"")
                body += piece
                self.held += len(piece)
                if len(body) > MAX_BODY:
                    raise _too_large()
                if self.held > MAX_HELD:
                    raise CallError(503, "overloaded", "too many bodies arrive at once: retry", {"Retry-After": "1"})
                if not message.get("more_body"):
                    return {"type": "http.request", "body": bytes(body), "more_body": False}
                message = await receive()
            return message  # the client has gone
        finally:
            self.held -= len(body)


def _check_query(query: bytes) -> None:
    """A query that is not UTF-8 would be read with its broken characters replaced: another text than was sent."""
    if b"%" not in query and query.isascii():
        return
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise CallError(400, "invalid_encoding", "the query is not UTF-8") from None


def _too_large() -> CallError:
    return CallError(413, "too_large", f"a body may have up to {MAX_BODY:,} bytes")
