"""How to reach Cassandra or Astra DB: the driver's cluster out of the settings, and its errors in plain words."""

import re
import socket
import ssl
from collections.abc import Iterator

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import tuple_factory

from bentos.settings import Settings
from bentos.store import StoreError

CONNECT_TIMEOUT = 2.0  # seconds that one node may take to accept a connection
RECONNECT_EVERY = 0.5  # seconds; the driver's own policy backs off to ten minutes
HEARTBEAT = 2.0  # seconds: an idle connection is asked this often, and is given up when it stays silent as long
SEND_AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]  # else the end of a message over 4 KiB waits 40 ms
PROTOCOL = 4  # spoken by Cassandra from 2.2 and by Astra DB; naming it saves the rounds of finding out


def is_astra(settings: Settings) -> bool:
    """Whether the settings name an Astra DB rather than a Cassandra cluster."""
    return settings.astra_db_secure_bundle_path is not None


def keyspace_of(settings: Settings) -> str:
    """The keyspace that holds the tables."""
    return settings.astra_db_keyspace if is_astra(settings) else settings.cassandra_keyspace


def new_cluster(settings: Settings) -> Cluster:
    """A cluster, not connected yet. Blocks: it resolves names, and an Astra DB bundle is asked where the nodes are.

    Raises whatever the driver or the file system raises; `explain` puts it into words.
    """
    shared = {
        "protocol_version": PROTOCOL,
        "connect_timeout": CONNECT_TIMEOUT,
        "control_connection_timeout": CONNECT_TIMEOUT,
        "sockopts": SEND_AT_ONCE,
        "reconnection_policy": ConstantReconnectionPolicy(RECONNECT_EVERY, max_attempts=None),
        "idle_heartbeat_interval": HEARTBEAT,
        "idle_heartbeat_timeout": HEARTBEAT,
    }
    if is_astra(settings):
        bundle = {"secure_connect_bundle": str(settings.astra_db_secure_bundle_path), "use_default_tempdir": True}
        token = PlainTextAuthProvider("token", settings.astra_db_application_token.get_secret_value())
        return Cluster(cloud=bundle, auth_provider=token, execution_profiles=_profile(settings, None), **shared)
    return Cluster(
        contact_points=[host.strip() for host in settings.cassandra_contact_points.split(",")],
        port=settings.cassandra_port,
        auth_provider=_login(settings),
        ssl_context=_tls(settings),
        execution_profiles=_profile(settings, settings.cassandra_local_dc),
        **shared,
    )


def _profile(settings: Settings, data_centre: str | None) -> dict[object, ExecutionProfile]:
    nearby = DCAwareRoundRobinPolicy(data_centre) if data_centre else DCAwareRoundRobinPolicy()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(nearby),
        consistency_level=ConsistencyLevel.name_to_value[settings.cassandra_consistency],
        row_factory=tuple_factory,
        request_timeout=None,  # those who wait have their own; a timer for every request costs a third of its time
    )
    return {EXEC_PROFILE_DEFAULT: profile}


def _login(settings: Settings) -> PlainTextAuthProvider | None:
    if not settings.cassandra_username:
        return None
    return PlainTextAuthProvider(settings.cassandra_username, settings.cassandra_password.get_secret_value())


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.cassandra_tls_ca is None:
        return None
    return ssl.create_default_context(cafile=settings.cassandra_tls_ca)  # checks certificate and host name


def explain(error: BaseException, settings: Settings) -> StoreError:
    """The error as one line that says what is wrong and what to do. It holds no secret."""
    if isinstance(error, StoreError):
        return error
    causes = list(_causes(error))
    told = " ".join(f"{type(cause).__name__} {cause}" for cause in causes)
    for mark, meaning in MEANINGS.items():
        if mark in told:
            return StoreError(f"{_where(settings)}: {meaning.format_map(_names(settings))}")
    return StoreError(f"{_where(settings)}: {_one_line(causes[-1])}")


MEANINGS = {  # a mark in the words of the driver, the server or OpenSSL -> what it means here; the first one wins
    "Bad credentials": "wrong user name or password ({login})",
    "requires authentication": "asks for a user name and password ({login})",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not valid for this host under the trusted authority ({trust})",
    "WRONG_VERSION_NUMBER": "TLS is asked for ({trust}), but the server speaks plain text there",
    "No such file": "there is no such file ({trust})",
    "NO_CERTIFICATE": "there is no certificate in the file of trusted authorities ({trust})",
    "handshake operation timed out": f"accepts connections, but says nothing for {CONNECT_TIMEOUT:g} s",
    "Timed out creating connection": f"accepts connections, but says nothing for {CONNECT_TIMEOUT:g} s",
    "Connection refused": "refuses connections: it is not running, or the port is wrong",
    "ConnectionResetError": "closes the connection: it may speak TLS only ({trust})",
    "UnresolvableContactPoints": "no such host",
    "against any hosts', {}": "no connection to any node at this moment",
    "heartbeat timeout": f"has been silent for {HEARTBEAT:g} s",
    "does not support protocol version": "what answers there is not Cassandra",
    "Unable to connect to any servers', [": "no node in the local data centre (CASSANDRA_LOCAL_DC)",
    "does not exist": "the keyspace or its tables do not exist: run `python -m bentos migrate`",
    "Cannot achieve consistency": "too few replicas are alive for the consistency asked for (CASSANDRA_CONSISTENCY)",
    "zip file": "the secure connect bundle is damaged ({trust})",
}


def _names(settings: Settings) -> dict[str, str]:
    """The settings that a meaning speaks of."""
    if is_astra(settings):
        trust = f"ASTRA_DB_SECURE_BUNDLE_PATH={settings.astra_db_secure_bundle_path}"
        return {"login": "ASTRA_DB_APPLICATION_TOKEN", "trust": trust}
    trust = f"CASSANDRA_TLS_CA={settings.cassandra_tls_ca or ''}"
    return {"login": "CASSANDRA_USERNAME, CASSANDRA_PASSWORD", "trust": trust}


def _where(settings: Settings) -> str:
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
    found = re.search(r'message="(.*?)"', text)
    return (found.group(1) if found else text) or type(error).__name__
