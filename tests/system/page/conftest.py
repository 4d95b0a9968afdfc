"""A service of toy versions and a browser, for all tests of the pages: they are started once."""

import json

import pytest

from registry.route import Routing, set_routing
from registry.versions import Registry
from tests.browser import DESKTOP, PATIENCE, open_browser
from tests.server import Server
from tests.system.page.tools import REPORT
from tests.system.tools import new_address
from tests.toy import write_toy
from tests.toyregistry import MODEL_NAME, add_version, empty_registry

METRICS = {  # of the champion, version 1, and of the challenger, version 2
    "1": {"mcc": 0.94, "spam_caught": 0.919, "ham_blocked": 0.0011, "source.sms.caught": 0.919}
    | {"source.sms.blocked": 0.0011, "source.outside.caught": 0.9, "source.outside.without_twins.caught": 0.759},
    "2": {"mcc": 0.95, "spam_caught": 0.95, "ham_blocked": 0.0},
}
LIMIT = 2_000  # texts an hour; each test calls from an address of its own


@pytest.fixture(scope="package")
def uri(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    uri = empty_registry(folder)
    write_toy(folder / "first", -1.0)
    (folder / "first" / "report.html").write_text(REPORT)
    add_version(folder, uri, alias="champion", artifact=folder / "first")
    add_version(folder, uri, -4.0, "challenger", stand_in="a part of the corpus")
    broken = add_version(folder, uri, -2.0, "candidate")
    models = Registry(MODEL_NAME, uri)
    (models.folder(models.resolve(broken)) / "model.onnx").write_bytes(b"damaged")
    set_routing(models, Routing(shadow="challenger"))
    for number, metrics in METRICS.items():
        models.tag(models.resolve(number), "metrics", json.dumps(metrics))
    return uri


@pytest.fixture(scope="package")
def server(tmp_path_factory, uri):
    settings = {"MLFLOW_TRACKING_URI": uri, "RATE_LIMIT": f"{LIMIT}/hour", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(tmp_path_factory.mktemp("service"), ACCESS_LOG="1", **settings) as server:
        yield server


@pytest.fixture(scope="package")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def complaints():
    """What the browser complains of, and addresses elsewhere that are asked; a test clears what it expects."""
    return []


@pytest.fixture
def visit(browser, server, complaints):
    """Opens a path in a window of its own, as a caller of its own. Nothing may be loaded from elsewhere or refused."""
    contexts = []

    def open_page(path="/", url=server.url, **options):
        headers = {"X-Forwarded-For": new_address()}
        options = {"viewport": DESKTOP, "extra_http_headers": headers, "accept_downloads": True} | options
        context = browser.new_context(base_url=url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda sent: sent.url.startswith((url, "blob:")) or complaints.append(sent.url))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in complaints if "Failed to load resource" not in line] == []


@pytest.fixture
def page(visit):
    page = visit()
    page.locator("#examples button").first.wait_for()
    return page
