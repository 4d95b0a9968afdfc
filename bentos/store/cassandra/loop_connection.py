"""The driver's connections, on the event loop of the service instead of a thread of the driver's own.

With a thread of its own, each statement wakes that thread and each answer wakes the event loop, and both wait for one
interpreter lock: of 32 lookups at once, less than half as many are answered a second. The driver offers this as
`connection_class` (`cassandra.connection.Connection`; its `LibevConnection` is the one with a thread).
"""

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cassandra.connection import Connection, ConnectionShutdown

NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LoopTimer:
    """Calls `callback` on the loop after `timeout` seconds, unless it is cancelled; from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout: float, callback: Callable[[], Any]) -> None:
        self._loop = loop
        self._callback = callback
        self._cancelled = False
        loop.call_soon_threadsafe(loop.call_later, timeout, self._call)

    def cancel(self) -> None:
        self._cancelled = True

    def _call(self) -> None:
        if not self._cancelled:
            self._callback()


class LoopConnection(Connection):
    """A connection whose socket is read and written on `loop`. `on_loop` makes the class for one.

    It connects in another thread, as the driver does, while the loop runs: the answers to its first messages are read
    there. What is sent from the loop's own thread goes to the socket at once, without waking anything.
    """

    loop: asyncio.AbstractEventLoop
    thread: int  # the identifier of the loop's thread
    in_buffer_size = 64 * 1024

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unsent: deque[bytes] = deque()
        self._awaits_writable = False
        self._connect_socket()
        self._socket.setblocking(False)
        self._call(self.loop.add_reader, self._socket.fileno(), self._read)
        self._send_options_message()

    @classmethod
    def create_timer(cls, timeout: float, callback: Callable[[], Any]) -> LoopTimer:
        return LoopTimer(cls.loop, timeout, callback)

    def push(self, data: bytes) -> None:
        self._call(self._send, data)

    def close(self) -> None:
        with self.lock:
            if self.is_closed:
                return
            self.is_closed = True
        self._call(self._close_socket)
        if not self.is_defunct:
            self.error_all_requests(ConnectionShutdown(f"the connection to {self.endpoint} was closed"))
            self.connected_event.set()  # whoever waits for it need not wait any longer

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        """Call it on the loop: now, where this is the loop's thread."""
        if threading.get_ident() == self.thread:
            function(*args)
        else:
            with suppress(RuntimeError):  # the loop has ended, and its sockets with it
                self.loop.call_soon_threadsafe(function, *args)

    def _send(self, data: bytes) -> None:
        """What is sent in one turn of the loop goes to the socket at once."""
        if not (self._unsent or self._awaits_writable):
            self.loop.call_soon(self._write)
        self._unsent.append(data)

    def _write(self) -> None:
        """Send what waits, as far as the socket takes it, and the rest when it takes more."""
        waiting = b"".join(self._unsent)
        self._unsent.clear()
        if self.is_closed:
            return
        try:
            sent = self._socket.send(waiting) if waiting else 0
        except NOT_NOW:
            sent = 0
        except OSError as error:
            self.defunct(error)
            return
        if sent < len(waiting):
            self._unsent.append(waiting[sent:])
        self._await_writable(bool(self._unsent))

    def _await_writable(self, wanted: bool) -> None:
        if wanted and not self._awaits_writable:
            self.loop.add_writer(self._socket.fileno(), self._write)
        elif self._awaits_writable and not wanted:
            self.loop.remove_writer(self._socket.fileno())
        self._awaits_writable = wanted

    def _read(self) -> None:
        """Take what has arrived, and pass on the messages that are complete."""
        try:
            still_open = self._receive()
        except OSError as error:
            self.defunct(error)
            return
        if self._iobuf.tell():
            self.process_io_buffer()
        if not still_open:
            self.close()

    def _receive(self) -> bool:
        """Take all that has arrived; whether the node has left the connection open."""
        while True:
            try:
                received = self._socket.recv(self.in_buffer_size)
            except NOT_NOW:
                return True
            if not received:
                return False
            self._iobuf.write(received)
            if len(received) < self.in_buffer_size and not self._decrypted():
                return True

    def _decrypted(self) -> int:
        """Bytes that TLS has decrypted already: for those the loop would not call again."""
        return self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0

    def _close_socket(self) -> None:
        self.loop.remove_reader(self._socket.fileno())
        self.loop.remove_writer(self._socket.fileno())
        self._socket.close()


def on_loop(loop: asyncio.AbstractEventLoop) -> type[LoopConnection]:
    """The class of connections on `loop`. Called in its thread."""
    return type("LoopConnection", (LoopConnection,), {"loop": loop, "thread": threading.get_ident()})
