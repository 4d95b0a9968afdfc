"""A node with passwords and TLS, and the same node behind an Astra DB bundle: what works, and what is said when not."""

import asyncio
import json
import ssl
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bentos.settings import Settings
from bentos.store import MisconfiguredError, StoreError
from bentos.store.cassandra.schema import migrate
from bentos.store.cassandra.start import prepare
from bentos.store.cassandra.store import CassandraStore, open_store
from tests.cassandra.certificates import Authority, Certificate
from tests.cassandra.client import PATIENT, a_call, logged, opened, session_of, settings_for, until
from tests.cassandra.fixtures import SUPERUSER
from tests.cassandra.ring import free_port

pytestmark = pytest.mark.anyio

SPAM = {"ham": 0.25, "spam": 0.75}
SECRET = "AstraCS:open-sesame"


@pytest.fixture(scope="module")
def settings(secure_node, tmp_path_factory) -> Settings:
    settings = settings_for(
        secure_node.ring,
        "secured",
        tmp_path_factory.mktemp("secured"),
        cassandra_username=SUPERUSER,
        cassandra_password=SUPERUSER,
        cassandra_tls_ca=secure_node.ca,
        cache_timeout=PATIENT,
    )
    migrate(settings)
    with session_of(settings) as session:
        session.execute(f"CREATE ROLE IF NOT EXISTS reader WITH PASSWORD = '{SECRET}' AND LOGIN = true")
        session.execute("GRANT SELECT ON KEYSPACE secured TO reader")
        session.execute(f"CREATE ROLE IF NOT EXISTS \"token\" WITH PASSWORD = '{SECRET}' AND LOGIN = true")
        session.execute('GRANT ALL ON KEYSPACE secured TO "token"')
    return settings


def changed(settings: Settings, **values) -> Settings:
    return Settings(_env_file=None, **(settings.model_dump() | values))


def refusal(settings: Settings) -> str:
    """What opening the store says."""
    with pytest.raises(StoreError) as refused:
        asyncio.run(CassandraStore.open(settings))
    with pytest.raises(StoreError) as refused_too:
        migrate(settings)
    assert str(refused.value) == str(refused_too.value)
    assert SECRET not in repr(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_passwords_and_tls_work_by_address_and_by_name(settings):
    for host in ("127.0.0.1", "localhost"):
        async with opened(changed(settings, cassandra_contact_points=host)) as store:
            await store.put("1-aa", {"free": SPAM})
            assert await store.get("1-aa", ["free"]) == {"free": SPAM}


async def test_large_rows_and_many_at_once_pass_through_tls_whole(settings):
    """More than a socket takes at once, and more than TLS decrypts at once."""
    sizes = [3_000_000, 200_000, *range(16_000, 17_000, 50), 1]
    calls = [a_call("x" * size, "large") for size in sizes]
    async with opened(settings) as store:
        await asyncio.gather(*(store.log([call]) for call in calls))
        assert await logged(store, calls) == sorted(calls, key=lambda call: call.called_at.time)


def test_a_wrong_password_is_said(settings):
    assert "wrong user name or password" in refusal(changed(settings, cassandra_password=SECRET))


def test_a_missing_password_is_said(settings):
    assert "asks for a user name and password" in refusal(changed(settings, cassandra_username=""))


def test_a_node_that_speaks_tls_only_is_not_spoken_to_without(settings):
    assert "CASSANDRA_TLS_CA" in refusal(changed(settings, cassandra_tls_ca=None))


def test_a_node_without_tls_gets_no_password(settings, cassandra_node):
    said = refusal(changed(settings, cassandra_port=cassandra_node.port))
    assert "TLS is asked for" in said
    assert "the server speaks plain text" in said


def test_an_unknown_authority_is_not_trusted(settings, tmp_path):
    stranger = Authority(tmp_path, "a stranger").certificate
    assert "its certificate is not valid" in refusal(changed(settings, cassandra_tls_ca=stranger))


def test_a_certificate_of_another_host_is_not_accepted(settings, secure_node):
    elsewhere = secure_node.authority.issue("elsewhere", addresses=("127.0.0.9",))
    with endpoint({}, elsewhere, secure_node.ca) as port:
        assert "not valid for this host" in refusal(changed(settings, cassandra_port=port))


def test_a_file_that_is_no_certificate_is_said(settings, tmp_path):
    (tmp_path / "ca.pem").write_text("nonsense")
    assert "no certificate or crl found" in refusal(changed(settings, cassandra_tls_ca=tmp_path / "ca.pem"))
    assert "nowhere.pem" in refusal(changed(settings, cassandra_tls_ca=tmp_path / "nowhere.pem"))


def test_a_data_centre_without_nodes_is_said(settings):
    assert "CASSANDRA_LOCAL_DC" in refusal(changed(settings, cassandra_local_dc="elsewhere"))


WRONG = {
    "wrong user name or password": {"cassandra_password": SECRET},
    "asks for a user name and password": {"cassandra_username": ""},
    "CASSANDRA_LOCAL_DC": {"cassandra_local_dc": "elsewhere"},
    "python -m bentos migrate": {"cassandra_keyspace": "missing"},
    "nowhere.pem": {"cassandra_tls_ca": "nowhere.pem"},
}


def test_a_start_waits_for_no_database_that_refuses(settings, caplog):
    prepare(settings)
    with session_of(settings) as session:
        replication = {"class": "SimpleStrategy", "replication_factor": "1"}
        session.execute(f"CREATE KEYSPACE IF NOT EXISTS empty WITH replication = {replication}")
    for why, wrong in [*WRONG.items(), ("does not exist", {"cassandra_keyspace": "empty"})]:
        refused = changed(settings, **wrong, cassandra_start_timeout=PATIENT)
        with pytest.raises(MisconfiguredError, match=why):
            prepare(refused)
        prepare(changed(refused, start_anyway=True))
        assert why in caplog.records[-1].getMessage()


def test_a_start_waits_for_a_database_that_is_away_and_then_goes_on_without(settings, caplog):
    started = time.monotonic()
    prepare(changed(settings, cassandra_port=free_port(["127.0.0.1"]), cassandra_start_timeout=1.2))
    assert time.monotonic() - started >= 1
    assert "started without the database" in caplog.text and "refuses connections" in caplog.text


async def test_a_role_that_may_only_read_keeps_its_calls_until_it_may_write(settings, tmp_path):
    reader = changed(
        settings, cassandra_username="reader", cassandra_password=SECRET, spool_path=tmp_path / "s", cache_timeout=2
    )
    calls = [a_call(f"text {i}", "reader") for i in range(10)]
    store = await open_store(reader)
    try:
        for call in calls:
            await store.log([call])
        await until(lambda: not store.state()["up"])
        assert "reader has no MODIFY permission" in store.state()["error"]
        assert store.state()["spooled"] == len(calls)
        with session_of(settings) as session:
            session.execute("GRANT MODIFY ON KEYSPACE secured TO reader")
        await until(lambda: store.state()["up"] and not store.state()["spooled"])
        assert await logged(store, calls) == calls
    finally:
        await store.close()


async def test_a_password_set_right_later_needs_no_new_start(settings, tmp_path):
    with session_of(settings) as session:
        session.execute("CREATE ROLE IF NOT EXISTS late WITH PASSWORD = 'early' AND LOGIN = true AND SUPERUSER = true")
    store = await open_store(
        changed(settings, cassandra_username="late", cassandra_password=SECRET, spool_path=tmp_path / "s")
    )
    try:
        assert "wrong user name or password" in store.state()["error"]
        await store.log([a_call("kept")])
        with session_of(settings) as session:
            session.execute(f"ALTER ROLE late WITH PASSWORD = '{SECRET}'")
        await until(lambda: store.state()["up"] and not store.state()["spooled"])
    finally:
        await store.close()


@contextmanager
def endpoint(told: dict, server: Certificate, ca: Path) -> Iterator[int]:
    """The port of an HTTPS server that tells everyone with a certificate of `ca` the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(server.certificate, server.key)
    with HTTPServer(("127.0.0.1", 0), Handler) as https:
        https.handle_error = lambda *_: None  # a client that does not like the certificate
        https.socket = context.wrap_socket(https.socket, server_side=True)
        serving = threading.Thread(target=https.serve_forever, args=(0.05,))
        serving.start()
        yield https.server_port
        https.shutdown()
        serving.join()


@pytest.fixture
def astra(secure_node, settings, tmp_path) -> Iterator[Settings]:
    """Settings that name a secure connect bundle as Astra DB hands them out; its metadata endpoint is running."""
    with session_of(settings) as session:
        host_id = str(session.execute("SELECT host_id FROM system.local").one()[0])
    nodes = {"contact_points": [host_id], "sni_proxy_address": f"127.0.0.1:{secure_node.ring.port}"}
    told = {"contact_info": {"local_dc": "datacenter1", **nodes}}
    client = secure_node.authority.issue("client")
    server = secure_node.authority.issue("metadata", hosts=("localhost",))
    path = tmp_path / "secure-connect-spam.zip"
    with endpoint(told, server, secure_node.ca) as port:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps({"host": "localhost", "port": port}))
            archive.write(secure_node.ca, "ca.crt")
            archive.write(client.certificate, "cert")
            archive.write(client.key, "key")
        yield Settings(
            _env_file=None,
            astra_db_secure_bundle_path=path,
            astra_db_application_token=SECRET,
            astra_db_keyspace="secured",
            cassandra_keyspace="unused",
            spool_path=tmp_path / "spool.db",
            cache_timeout=PATIENT,
        )


async def test_astra_is_reached_through_its_bundle(astra):
    assert all("up to date" in line for line in migrate(astra))
    store = await open_store(astra)
    try:
        assert (store.name, store.state()["up"]) == ("astra", True)
        await store.put("1-aa", {"from astra": SPAM, "and more": SPAM})
        assert await store.get("1-aa", ["from astra", "and more"]) == {"from astra": SPAM, "and more": SPAM}
        call = a_call("text", "astra")
        await store.log([call])
        assert await logged(store, [call]) == [call]
    finally:
        await store.close()


def test_what_is_wrong_with_an_astra_bundle_is_said(astra, tmp_path):
    assert "wrong user name or password (ASTRA_DB_APPLICATION_TOKEN)" in refusal(
        changed(astra, astra_db_application_token="AstraCS:expired")
    )
    with pytest.raises(StoreError, match="create it in the Astra DB console"):
        migrate(changed(astra, astra_db_keyspace="missing"))
    (damaged := tmp_path / "damaged.zip").write_bytes(b"PK")
    assert "Check your secure connect bundle" in refusal(changed(astra, astra_db_secure_bundle_path=damaged))
    assert "nowhere.zip" in refusal(changed(astra, astra_db_secure_bundle_path=tmp_path / "nowhere.zip"))


async def test_a_database_that_astra_has_put_to_sleep_is_said(astra, tmp_path):
    sleeping = tmp_path / "sleeping.zip"
    with zipfile.ZipFile(astra.astra_db_secure_bundle_path) as awake, zipfile.ZipFile(sleeping, "w") as archive:
        for name in ("ca.crt", "cert", "key"):
            archive.writestr(name, awake.read(name))
        archive.writestr("config.json", json.dumps({"host": "localhost", "port": free_port(["127.0.0.1"])}))
    assert "metadata service" in await asyncio.to_thread(refusal, changed(astra, astra_db_secure_bundle_path=sleeping))
