"""The driver's cluster for Cassandra or Astra DB, made from the settings."""

import socket
import ssl

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.connection import Connection
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import tuple_factory

from bentos.settings import Settings

CONNECT_TIMEOUT = 2.0  # seconds that one node may take to accept a connection
RECONNECT_EVERY = 0.5  # seconds; the driver's own policy backs off to ten minutes
HEARTBEAT = 2.0  # seconds between two probes of an idle connection, and until one that does not answer is given up
SEND_AT_ONCE = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]  # else the end of a message over 4 KiB waits 40 ms
PROTOCOL = 4  # spoken by Cassandra from 2.2 and by Astra DB; naming it saves the negotiation


def is_astra(settings: Settings) -> bool:
    """Whether the settings name an Astra DB rather than a Cassandra cluster."""
    return settings.astra_db_secure_bundle_path is not None


def keyspace_of(settings: Settings) -> str:
    """The keyspace that holds the tables."""
    return settings.astra_db_keyspace if is_astra(settings) else settings.cassandra_keyspace


def new_cluster(settings: Settings, connection_class: type[Connection] | None = None) -> Cluster:
    """A cluster, not connected yet. Blocks: it resolves names, and an Astra DB bundle is asked where the nodes are.

    Its connections have a thread of the driver's own unless a `connection_class` is given.

    Raises what the driver or the file system raises: `bentos.store.cassandra.errors.explain` turns it into a sentence.
    """
    shared = {
        "protocol_version": PROTOCOL,
        "connect_timeout": CONNECT_TIMEOUT,
        "control_connection_timeout": CONNECT_TIMEOUT,
        "sockopts": SEND_AT_ONCE,
        "reconnection_policy": ConstantReconnectionPolicy(RECONNECT_EVERY, max_attempts=None),
        "idle_heartbeat_interval": HEARTBEAT,
        "idle_heartbeat_timeout": HEARTBEAT,
        **({"connection_class": connection_class} if connection_class else {}),
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
        request_timeout=None,  # the store has its own; a timer for every request costs a third of its time
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
