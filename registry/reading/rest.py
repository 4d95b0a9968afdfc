"""A tracking server, read by MLflow's public REST API, with the environment variables of MLflow's own client.

https://mlflow.org/docs/latest/api_reference/rest-api.html; what is not covered here, such as a plugin that signs the
requests, is left to MLflow.
"""

import base64
import configparser
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from registry.errors import registry_error
from registry.reading import NeedsMLflow
from registry.versions import RegisteredModel, newest_first

if TYPE_CHECKING:
    from requests import Response, Session

API, SERVER_INFO = "api/2.0/mlflow", "api/3.0/mlflow/server-info"
WORKSPACE = "MLFLOW_WORKSPACE"
PAGE = 1_000  # versions a request
TIMEOUT = "10"  # seconds for an answer, where MLFLOW_HTTP_REQUEST_TIMEOUT does not say
RETRIES = "1"  # of a request without an answer, where MLFLOW_HTTP_REQUEST_MAX_RETRIES does not say
BUSY = (408, 429, 500, 502, 503, 504)  # statuses of which MLflow retries a request
UNKNOWN = "RESOURCE_DOES_NOT_EXIST"
SIGNING = ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4")  # by these, MLflow signs its requests
HEADER_PLUGINS = "mlflow.request_header_provider"
CREDENTIALS = Path("~/.mlflow/credentials")


class TrackingServer:
    """The server at `uri`; the connection to it is kept open."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def model(self, name: str) -> RegisteredModel | None:
        """Two requests, and one more for every further PAGE versions.

        The aliases are read first: whoever moves one has written before what the new version is.
        """
        with self._as_of_mlflow():
            model = self._model(name)
            if model is None:
                return None
            aliases = {alias["alias"]: alias["version"] for alias in model.get("aliases", ())}
            return RegisteredModel(newest_first(map(_version, self._versions(name)), aliases), _tags(model))

    def tags(self, name: str) -> dict[str, str] | None:
        with self._as_of_mlflow():
            model = self._model(name)
            return None if model is None else _tags(model)

    def location(self, name: str, number: str) -> str:
        with self._as_of_mlflow():
            return self._get("model-versions/get-download-uri", name=name, version=number)["artifact_uri"]

    def _model(self, name: str) -> dict[str, Any] | None:
        return self._get("registered-models/get", name=name).get("registered_model")

    def _versions(self, name: str) -> Iterator[dict[str, Any]]:
        page: dict[str, str] = {}
        while True:
            found = self._get("model-versions/search", filter=f"name = '{name}'", max_results=str(PAGE), **page)
            yield from found.get("model_versions", ())
            if not found.get("next_page_token"):
                return
            page = {"page_token": found["next_page_token"]}

    def _get(self, endpoint: str, **parameters: str) -> dict[str, Any]:
        """The answer; an empty one where the model is unknown."""
        if any(_is_set(name) for name in SIGNING) or _has_header_plugins():
            raise NeedsMLflow
        if _workspace() and not self._has_workspaces:
            raise registry_error(self.uri, f"the server has no workspaces, and {WORKSPACE} is set")
        return self._answer(f"{API}/{endpoint}", parameters)

    @cached_property
    def _has_workspaces(self) -> bool:
        """A server without them ignores the header that names one."""
        return bool(self._answer(SERVER_INFO, {}).get("workspaces_enabled"))

    def _answer(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        answer = self._session.get(f"{self.uri.rstrip('/')}/{path}", params=parameters, **_options())
        if answer.status_code == 200:
            return answer.json()
        code, message = _refusal(answer)
        if code == UNKNOWN:
            return {}
        raise registry_error(self.uri, message)

    @cached_property
    def _session(self) -> "Session":
        from requests import Session
        from requests.adapters import HTTPAdapter
        from urllib3 import Retry

        many = int(os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES", RETRIES))
        retry = Retry(many, status_forcelist=BUSY, raise_on_status=False, respect_retry_after_header=False)
        session = Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=1, max_retries=retry))
        return session

    @contextmanager
    def _as_of_mlflow(self) -> Iterator[None]:
        """Raise RegistryError where there is no answer, or another than MLflow's."""
        from requests import JSONDecodeError, RequestException

        try:
            yield
        except (JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise registry_error(self.uri, "its answer is not one of MLflow's") from error
        except (RequestException, OSError, ValueError) as error:  # the last: a variable, or the URI, makes no sense
            raise registry_error(self.uri, error) from error


def _options() -> dict[str, Any]:
    """Of a request, read anew for each as MLflow does: a file of credentials may change."""
    insecure, certificate = _is_set("MLFLOW_TRACKING_INSECURE_TLS"), _variable("MLFLOW_TRACKING_SERVER_CERT_PATH")
    if insecure and certificate:
        raise ValueError("MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other")
    return {
        "headers": _headers(),
        "verify": certificate or not insecure,
        "cert": _variable("MLFLOW_TRACKING_CLIENT_CERT_PATH"),
        "timeout": float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT)),
        "allow_redirects": os.environ.get("MLFLOW_ALLOW_HTTP_REDIRECTS", "true").lower() in ("true", "1"),
    }


def _headers() -> dict[str, str]:
    headers, (user, password) = {}, _credentials()
    if user and password:
        headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    elif token := _variable("MLFLOW_TRACKING_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    if workspace := _workspace():
        headers["X-MLFLOW-WORKSPACE"] = workspace
    return headers


def _credentials() -> tuple[str | None, str | None]:
    """The user and the password, each from its variable or from MLflow's file."""
    parser = configparser.ConfigParser()
    parser.read(CREDENTIALS.expanduser())
    names = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
    user, password = (_variable(name) or parser.get("mlflow", name.lower(), fallback=None) for name in names)
    return user, password


@cache
def _has_header_plugins() -> bool:
    return bool(entry_points(group=HEADER_PLUGINS))


def _workspace() -> str:
    return (_variable(WORKSPACE) or "").strip()


def _variable(name: str) -> str | None:
    return os.environ.get(name)


def _is_set(name: str) -> bool:
    return os.environ.get(name, "").lower() not in ("", "false", "0")


def _refusal(answer: "Response") -> tuple[str, str]:
    """MLflow's code of the error, and one line for people."""
    try:
        plain = answer.json()
        return plain["error_code"], f"{plain['error_code']}: {plain.get('message', '')}"
    except (ValueError, KeyError, TypeError):
        return "", f"HTTP {answer.status_code}: {' '.join(answer.text.split())[:200]}"


def _version(row: Mapping[str, Any]) -> SimpleNamespace:
    """With the fields that MLflow's own versions have."""
    return SimpleNamespace(
        version=row["version"],
        creation_timestamp=int(row["creation_timestamp"]),
        run_id=row.get("run_id"),
        status=row.get("status", "READY"),
        tags=_tags(row),
    )


def _tags(row: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in row.get("tags", ())}
