"""Limits on connections, in the web server itself: they act before any header is parsed or any middleware runs.

uvicorn's HTTP/1.1 protocol does not limit the bytes of a request's head (request line and headers), the time until it
is complete, or how long a client may refuse to read its answer. A connection that has sent no complete head is
"waiting"; when there are too many connections, the oldest waiting one is closed.
"""

import asyncio
import resource
import signal
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bentos.process.joined_writes import JoinedWrites

MAX_HEAD_BYTES = 80 * 1024  # a request line of 64 KiB, which httptools takes, and 16 KiB of headers
HEAD_SECONDS = 10.0  # from the connection, or from the first byte of a later request, to the end of the head
WRITE_SECONDS = 30.0  # that a client may leave an answer unread
MAX_CONNECTIONS = 2_000  # of one worker
RESERVED_FILES = 128  # file descriptors left for the store, the model files and the log


@dataclass
class ConnectionLimits:
    """The limits, and the connections of this worker that are waiting for a complete head, oldest first."""

    max_connections: int = MAX_CONNECTIONS
    max_head_bytes: int = MAX_HEAD_BYTES
    head_seconds: float = HEAD_SECONDS
    write_seconds: float = WRITE_SECONDS
    waiting: dict["LimitedProtocol", None] = field(default_factory=dict)


def connection_limits() -> ConnectionLimits:
    """The limits for this process; fewer connections where it may open few files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        soft = min(hard, max(soft, MAX_CONNECTIONS + RESERVED_FILES))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return ConnectionLimits(max_connections=max(16, min(MAX_CONNECTIONS, soft - RESERVED_FILES)))


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol within `limits`, which are shared by all connections of a worker."""

    limits: ConnectionLimits  # set on a subclass by `limited_protocol`

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True  # the next byte belongs to the head of a request
        self._head_bytes = 0  # received while a head was incomplete; the last piece may have some of the body
        self._header_bytes = 0  # of the complete header lines of this head
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)
        if len(self.connections) > self.limits.max_connections:
            if not self.limits.waiting:
                return self._refuse(503, "overloaded", "too many connections are open: retry")
            next(iter(self.limits.waiting)).transport.abort()
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.max_head_bytes:
            self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes += 1  # at least one has arrived, perhaps in the same piece as the request before
        if self._head_timer is None:  # not the connection's first request
            self._start_head_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > self.limits.max_head_bytes:
            raise ValueError("too large")  # ends the parsing; `send_400_response` answers
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = self._header_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, in the API's own shape."""
        if self._in_head and max(self._head_bytes, self._header_bytes) > self.limits.max_head_bytes:
            self._refuse_head()
        else:
            self._refuse(400, "malformed", "this is no valid HTTP request")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def _start_head_timer(self) -> None:
        self.limits.waiting[self] = None
        self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_timed_out)

    def _stop_head_timer(self) -> None:
        self.limits.waiting.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _head_timed_out(self) -> None:
        if self._head_bytes:
            self._refuse(408, "too_slow", f"the headers did not arrive within {self.limits.head_seconds:.0f} seconds")
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        self._refuse(431, "too_large", f"the request line and headers may have {self.limits.max_head_bytes:,} bytes")

    def _refuse(self, status: int, reason: str, detail: str) -> None:
        """Write an answer and close the connection; without an answer where an earlier one is still being written."""
        if self.cycle is None or self.cycle.response_complete:
            body = orjson.dumps({"error": reason, "detail": detail})
            head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()


def running_server() -> uvicorn.Server:
    """This worker's web server. BentoML makes it and offers no other way to it than its handler of signals."""
    return signal.getsignal(signal.SIGTERM).__self__


def limited_protocol(limits: ConnectionLimits) -> type[LimitedProtocol]:
    """The protocol class for a server whose connections share `limits`."""
    return type("LimitedProtocol", (LimitedProtocol,), {"limits": limits})
