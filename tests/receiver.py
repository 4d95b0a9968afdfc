"""A receiver of notifications for tests, which checks each as a receiver of MLflow's webhooks does."""

import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.server import free_port

SECRET = "a secret of the tests"
SKEW = 300  # seconds that a timestamp may be old


class Delivery(NamedTuple):
    id: str
    message: dict[str, Any]


class Receiver:
    """Listens from `start` on, and at the end of a `with` no more.

    The first requests get `answers`, a status each, and all others 200; `deliveries` are those that got 200. `refused`
    are the requests whose signature or time is wrong, which get 401.
    """

    def __init__(self, *answers: int, **headers: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}/in?token=hunter2"
        self.answers, self.headers = list(answers), headers
        self.deliveries: queue.Queue[Delivery] = queue.Queue()
        self.attempts: list[str] = []
        self.refused: list[str] = []
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        port = int(self.url.split(":")[2].partition("/")[0])
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Receiver":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next(self) -> Delivery:
        return self.deliveries.get(timeout=60)

    def answer(self, headers: Any, body: str) -> int:
        from mlflow.webhooks import constants
        from mlflow.webhooks.delivery import _generate_hmac_signature

        names = (constants.WEBHOOK_DELIVERY_ID_HEADER, constants.WEBHOOK_TIMESTAMP_HEADER)
        delivery, timestamp = (headers[name] for name in names)
        self.attempts.append(delivery)
        signature = _generate_hmac_signature(SECRET, delivery, timestamp, body)
        if headers[constants.WEBHOOK_SIGNATURE_HEADER] != signature or abs(time.time() - int(timestamp)) > SKEW:
            self.refused.append(body)
            return 401
        if self.answers:
            return self.answers.pop(0)
        self.deliveries.put(Delivery(delivery, json.loads(body)))
        return 200

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(receiver.answer(self.headers, body))
                for name, value in receiver.headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler
