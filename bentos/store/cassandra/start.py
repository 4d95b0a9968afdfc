"""What is checked once before the workers start: files, and whether the database lets the service in."""

import json
import logging
import ssl
import time
import zipfile
from pathlib import Path

from bentos.settings import Settings
from bentos.store import MisconfiguredError, StoreError
from bentos.store.cassandra.cluster import is_astra
from bentos.store.cassandra.session import connected
from bentos.store.cassandra.statements import Statements
from bentos.store.spool import check_writable

RETRY_EVERY = 0.5  # seconds between two attempts to connect

logger = logging.getLogger(__name__)


def prepare(settings: Settings) -> None:
    """Check the files, and wait for a first connection, CASSANDRA_START_TIMEOUT seconds at most. Blocks.

    A database that cannot be reached by then is left to the workers, which answer without it until it is back.
    Raises MisconfiguredError where waiting will not help; with START_ANYWAY that is a warning, too.
    """
    try:
        _check_files(settings)
        _wait_for_connection(settings)
    except MisconfiguredError as error:
        if not settings.start_anyway:
            raise
        logger.warning("started in spite of this, because of START_ANYWAY: %s", error)


def _check_files(settings: Settings) -> None:
    """The bundle or the authority's certificate can be read, and the spool be written. Raises MisconfiguredError."""
    if is_astra(settings):
        _check_bundle(settings.astra_db_secure_bundle_path)
    elif settings.cassandra_tls_ca:
        _check_certificate(settings.cassandra_tls_ca)
    check_writable(settings.spool_path)


def _check_bundle(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as bundle:
            json.loads(bundle.read("config.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise MisconfiguredError(f"ASTRA_DB_SECURE_BUNDLE_PATH={path} is no secure connect bundle: {error}") from error


def _check_certificate(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # an ssl.SSLError is one
        raise MisconfiguredError(f"CASSANDRA_TLS_CA={path} is no certificate in PEM: {error}") from error


def _wait_for_connection(settings: Settings) -> None:
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # it warns of every attempt
    deadline = time.monotonic() + settings.cassandra_start_timeout
    while True:
        try:
            return _connect(settings)
        except MisconfiguredError:
            raise
        except StoreError as error:
            if time.monotonic() + RETRY_EVERY > deadline:
                return logger.warning("started without the database: %s", error)
        time.sleep(RETRY_EVERY)


def _connect(settings: Settings) -> None:
    """Connect and prepare the statements, which fails without the tables. Raises StoreError."""
    with connected(settings) as session:
        Statements(session, settings)
