"""What docs/clients.md shows is what the clients do, on a service with two versions and a limit on its callers."""

import contextlib
import io
import re
import subprocess

import pytest

from bentos.client import Client, Unreachable
from tests.server import ROOT, Server, free_port

DOCUMENT = (ROOT / "docs" / "clients.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SHOWN = "127.0.0.1:3000"
LIMIT, SECONDS = 50, 2  # texts of one caller in so many seconds


@pytest.fixture(scope="module")
def server(tmp_path_factory, registry):
    settings = {"MLFLOW_TRACKING_URI": registry, "RATE_LIMIT": f"{LIMIT}/{SECONDS} second"}
    with Server(tmp_path_factory.mktemp("clients"), **settings) as server:
        yield server


def blocks(server: Server) -> list[tuple[str, str]]:
    """The language and the text of each block, with the server's address."""
    return [(kind, text.replace(SHOWN, f"127.0.0.1:{server.port}")) for kind, text in BLOCK.findall(DOCUMENT)]


def test_every_example_prints_what_is_shown(server):
    shown = [(kind, text) for kind, text in blocks(server) if kind != "console"]
    assert [kind for kind, _ in shown] == ["python", "text"] * (len(shown) // 2) and len(shown) >= 12
    names: dict[str, object] = {"__name__": "docs"}
    for (_, code), (_, expected) in zip(shown[::2], shown[1::2], strict=True):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "docs/clients.md", "exec"), names)
        assert printed.getvalue() == expected, code


def test_every_command_prints_what_is_shown(server):
    (commands,) = [text for kind, text in blocks(server) if kind == "console"]
    for example in commands.strip().split("\n\n"):
        command, _, expected = example.removeprefix("$ ").partition("\n")
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
        assert done.stdout == expected.strip()


def test_more_texts_than_a_caller_may_send_wait_for_their_turn(server):
    texts = [f"{('free', 'lunch')[i % 2]} {i}" for i in range(2 * LIMIT + 20)]
    with Client(server.url) as spam:
        answers = spam.predict_many(texts, echo_input=True, list_size=LIMIT)
        assert [answer.input for answer in answers] == texts
        assert [answer.label for answer in answers[:2]] == ["spam", "ham"]
    assert server.get("/metrics").text.count('spam_requests_total{route="/predictions",status="429"}') == 1


def test_a_port_where_nobody_listens_is_unreachable():
    with pytest.raises(Unreachable), Client(f"http://127.0.0.1:{free_port()}") as spam:
        spam.versions()
