"""What is asked of a tracking server, and with which credentials, is what MLflow's own client asks.

That a real server's answers are read as MLflow reads them: `tests/system/test_remote_registry.py`.
"""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import pytest

from registry.errors import RegistryError
from registry.reading import NeedsMLflow
from registry.reading.rest import TrackingServer
from registry.versions import Registry
from tests.cassandra.certificates import Authority

MODEL = {"registered_model": {"name": "m", "tags": [{"key": "k", "value": "v"}]}, "workspaces_enabled": True}


class Recorder:
    """A server that gives every request the same answer; `requests` are the headers, `connections` their number."""

    def __init__(self, status: int = 200, body: object = MODEL, authority: Authority | None = None) -> None:
        self.requests: list[dict[str, str]] = []
        self.connections = 0
        text = body if isinstance(body, str) else json.dumps(body)
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                recorder.connections += 1
                super().setup()

            def do_GET(self) -> None:
                recorder.requests.append(dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if authority:
            scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.issue("tracking").both)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.uri = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home without credentials."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


USER, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"
BASIC, BEARER = {USER: "me", PASSWORD: "hunter2"}, {TOKEN: "t0ken"}
CREDENTIALS = {".mlflow/credentials": f"[mlflow]\n{USER.lower()} = filed\n{PASSWORD.lower()} = hunter3\n"}
NETRC = {".netrc": "machine 127.0.0.1 login me password hunter4"}


@pytest.mark.parametrize(
    ("variables", "files", "address", "sent"),
    [
        ({}, {}, "", False),
        ({USER: "me"}, {}, "", False),
        (BASIC, {}, "", True),
        (BEARER, {}, "", True),
        (BASIC | BEARER, {}, "", True),
        ({"MLFLOW_WORKSPACE": " theirs "}, {}, "", True),
        ({}, CREDENTIALS, "", True),
        ({USER: "me"}, CREDENTIALS, "", True),
        ({}, NETRC, "", True),
        ({}, {}, "me:hunter2@", True),
        (BASIC, {}, "you:hunter5@", True),
    ],
)
def test_the_same_credentials_are_sent_as_mlflow_sends(variables, files, address, sent, home, monkeypatch):
    for name, text in files.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Recorder() as recorder:
        uri = recorder.uri.replace("//", f"//{address}")
        assert TrackingServer(uri).tags("m") == Registry("m", uri).model_tags() == {"k": "v"}
    ours, *_, theirs = [(row.get("Authorization"), row.get("X-MLFLOW-WORKSPACE")) for row in recorder.requests]
    assert ours == theirs and any(ours) == sent


def test_the_connection_is_kept_open():
    with Recorder() as recorder:
        server = TrackingServer(recorder.uri)
        for _ in range(3):
            server.tags("m")
        assert len(recorder.requests) == 3 and recorder.connections == 1


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, "<html>log in</html>", "its answer is not one of MLflow's"),
        (200, [], "its answer is not one of MLflow's"),
        (200, {"registered_model": {"tags": [{}]}}, "its answer is not one of MLflow's"),
        (401, "<html>\nNo entry\n</html>", "HTTP 401: <html> No entry </html>"),
        (404, "no such page", "HTTP 404: no such page"),
        (403, {"error_code": "PERMISSION_DENIED", "message": "not for you"}, "PERMISSION_DENIED: not for you"),
        (503, "", "HTTP 503: "),
    ],
)
def test_another_answer_is_an_error_in_one_sentence_without_the_password(status, body, why):
    with Recorder(status, body) as recorder:
        uri = recorder.uri.replace("//", "//me:hunter2@")
        with pytest.raises(RegistryError) as error:
            TrackingServer(uri).model("m")
    assert str(error.value) == f"the registry at {recorder.uri.replace('//', '//***@')} (MLFLOW_TRACKING_URI): {why}"


def test_a_server_that_is_away_is_an_error_in_one_sentence(monkeypatch):
    with Recorder() as recorder:
        pass
    named = r"^the registry at http://\*\*\*@127.0.0.1:\d+ \(MLFLOW_TRACKING_URI\): "
    with pytest.raises(RegistryError, match=f"{named}.*Connection refused") as error:
        TrackingServer(recorder.uri.replace("//", "//me:hunter2@")).model("m")
    assert "hunter2" not in str(error.value) and "\n" not in str(error.value)


def test_a_model_that_was_never_registered_is_none():
    with Recorder(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no m"}) as recorder:
        assert TrackingServer(recorder.uri).model("m") is None and TrackingServer(recorder.uri).tags("m") is None


def test_requests_that_mlflow_would_sign_are_left_to_it(monkeypatch):
    for name, value in (("MLFLOW_TRACKING_AUTH", "plugin"), ("MLFLOW_TRACKING_AWS_SIGV4", "true")):
        with monkeypatch.context() as patched, Recorder() as recorder, pytest.raises(NeedsMLflow):
            patched.setenv(name, value)
            TrackingServer(recorder.uri).model("m")
        assert recorder.requests == []


def test_a_certificate_is_checked_as_mlflow_s_variables_say(tmp_path, monkeypatch):
    authority = Authority(tmp_path / "authority")
    with Recorder(authority=authority) as recorder:
        server = TrackingServer(recorder.uri)
        with pytest.raises(RegistryError, match="certificate verify failed"):
            server.tags("m")
        with monkeypatch.context() as patched:
            patched.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority.certificate))
            assert server.tags("m")
            patched.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
            with pytest.raises(RegistryError, match="exclude each other"):
                server.tags("m")
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "1")
        with pytest.warns(Warning, match="Unverified HTTPS"):
            assert server.tags("m")


def test_a_variable_that_makes_no_sense_is_an_error_in_words(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon")
    with pytest.raises(RegistryError, match="soon"):
        TrackingServer("http://127.0.0.1:1").tags("m")
