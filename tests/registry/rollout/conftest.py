"""A service's metrics over HTTP, without the service: the page is the service's own, of calls that a test counts."""

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from bentos.monitoring.info import VersionLabels
from bentos.monitoring.metrics import Metrics
from registry.promote import promote
from registry.quick import QuickRegistry
from registry.versions import Registry
from tests.registry.conftest import THRESHOLDS, aliases
from tests.registry.quality.conftest import fill, folder  # noqa: F401 (fixtures)
from tests.registry.rollout.drive import Drive, serve
from tests.toyregistry import MODEL_NAME


class Answered(NamedTuple):
    """An answered text, as the service counts it."""

    label: str
    verdict: str
    unfamiliar: bool = False
    probability: float = 0.9
    from_cache: bool = False
    from_memory: bool = False
    corrected: bool = False


class MetricsPage:
    """Counts calls as a service does, and shows them at `url`/metrics; `status` other than 200 refuses to."""

    def __init__(self) -> None:
        self.status = 200
        self.key = ""  # that it asks for; none where empty
        self.served: list[VersionLabels] = []
        self.restart()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                allowed = not page.key or self.headers["Authorization"] == f"Bearer {page.key}"
                content = page.metrics.text() if self.path == "/metrics" and page.status == 200 and allowed else b""
                self.send_response(page.status if allowed else 401)
                if page.status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def restart(self) -> None:
        """The counters of a service that is started again are 0."""
        self.metrics = Metrics()
        self.metrics.registry_up.set(1)
        self.metrics.show_versions(self.served)

    def serve(self, served: list[VersionLabels]) -> None:
        self.served = served
        self.metrics.show_versions(served)

    def count(
        self, number: str, calls: int, errors: int = 0, seconds: float = 0.004, spam: float = 0.2, slow: float = 0
    ) -> None:
        """So many answered calls of a text each, a share `spam` of which is spam, and so many errors.

        Every twentieth call takes `slow` seconds, where it is not 0.
        """
        metrics = self.metrics.version(number)
        for i in range(calls):
            label = "spam" if i % 10 < spam * 10 else "ham"
            metrics.count_answered([Answered(label, label)], slow if slow and i % 20 == 10 else seconds)
        metrics.errors.inc(errors)


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    page = MetricsPage()
    thread = threading.Thread(target=page.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield page
    page.server.shutdown()
    thread.join()
    page.server.server_close()


@pytest.fixture(scope="module")
def promoted(toys, tmp_path_factory) -> Path:
    """The database of a registry whose version 1 is the champion and 2, which is better, the challenger."""
    database = shutil.copy(toys / "mlflow.db", tmp_path_factory.mktemp("promoted"))
    registry = Registry(MODEL_NAME, f"sqlite:///{database}")
    promote(registry, "1", THRESHOLDS)
    registry.point(aliases(registry), {"champion": "1", "challenger": "2"})
    return Path(database)


@pytest.fixture
def registry(promoted, tmp_path) -> Registry:
    """A copy of it, read as the command reads it."""
    shutil.copy(promoted, tmp_path)
    return QuickRegistry(MODEL_NAME, f"sqlite:///{tmp_path / promoted.name}")


@pytest.fixture
def drive(registry, page) -> Drive:
    serve(registry, page)
    page.count("1", 2_000)
    return Drive(registry, page)
