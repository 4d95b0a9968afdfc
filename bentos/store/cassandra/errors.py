"""Errors of the driver and of the database as one sentence for the operator."""

import re
from collections.abc import Iterator

from cassandra.cluster import NoHostAvailable

from bentos.settings import Settings
from bentos.store import MisconfiguredError, StoreError
from bentos.store.cassandra.cluster import is_astra

MISCONFIGURED = {  # part of what the driver, the server or OpenSSL says -> what it means here; the first match wins
    "Bad credentials": "wrong user name or password ({login})",
    "requires authentication": "asks for a user name and password ({login})",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not valid for this host under the trusted authority ({trust})",
    "WRONG_VERSION_NUMBER": "TLS is asked for ({trust}), but the server speaks plain text there",
    "No such file": "there is no such file ({trust})",
    "Unable to connect to any servers', [": "no node in the local data centre (CASSANDRA_LOCAL_DC)",
    "does not exist": "{message}: run `python -m bentos migrate`",  # a keyspace or a table
    "ndefined column": "{message}: run `python -m bentos migrate`",
    "Unauthorized": "{message}",
}
AWAY = {  # the same for what waiting may change
    "Connection refused": "refuses connections: it is not running, or the port is wrong",
    "ConnectionResetError": "closes the connection: it may speak TLS only ({trust})",
    "UnresolvableContactPoints": "no such host",
    "Cannot achieve consistency": "too few replicas are alive for the consistency asked for (CASSANDRA_CONSISTENCY)",
}


def explain(error: BaseException, settings: Settings) -> StoreError:
    """The error as one line that says what is wrong and what to do: a MisconfiguredError where waiting will not help.

    It holds no secret. Of several nodes that fail for different reasons, one that is misconfigured counts.
    """
    if isinstance(error, StoreError):
        return error
    causes = list(_causes(error))
    texts = " ".join(f"{type(cause).__name__} {cause}" for cause in causes)
    message = _one_line(causes[-1])
    for kind, meanings in ((MisconfiguredError, MISCONFIGURED), (StoreError, AWAY)):
        for mark, meaning in meanings.items():
            if mark in texts:
                return kind(f"{_database(settings)}: {meaning.format(**_setting_names(settings), message=message)}")
    return StoreError(f"{_database(settings)}: {message}")


def _setting_names(settings: Settings) -> dict[str, str]:
    """The settings that a meaning speaks of."""
    if is_astra(settings):
        trust = f"ASTRA_DB_SECURE_BUNDLE_PATH={settings.astra_db_secure_bundle_path}"
        return {"login": "ASTRA_DB_APPLICATION_TOKEN", "trust": trust}
    trust = f"CASSANDRA_TLS_CA={settings.cassandra_tls_ca or ''}"
    return {"login": "CASSANDRA_USERNAME, CASSANDRA_PASSWORD", "trust": trust}


def _database(settings: Settings) -> str:
    if is_astra(settings):
        return f"Astra DB (keyspace {settings.astra_db_keyspace})"
    return f"Cassandra ({settings.cassandra_contact_points}, port {settings.cassandra_port})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if isinstance(error, NoHostAvailable) and isinstance(error.errors, dict):
        yield from error.errors.values()


def _one_line(error: BaseException) -> str:
    """The server's own message where there is one (`message="..."`), else the error's text."""
    text = " ".join(str(error).split())
    quoted = re.search(r'message="(.*?)"', text)
    return (quoted.group(1) if quoted else text) or type(error).__name__
