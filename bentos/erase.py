"""The right to be forgotten: `python -m bentos erase` deletes what is kept of a caller or of a text."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bentos.settings import Settings
from bentos.store import StoreError, Subject, backends
from bentos.store.spool import erase_waiting, replay_lock
from registry.errors import RegistryError
from registry.versions import Registry

LOCK_TIMEOUT = 30.0  # seconds for a service that moves rows out of the spool
REMAINS = (  # what no command can erase from here, each with what to do
    "models that were trained on it: train anew without it, promote that version, delete the others",
    "pipelines/feedback.csv, its history in git and copies in DVC's cache: delete the row, and rewrite the history",
    "copies: outputs of `python -m pipelines.score`, files that were exported, backups and snapshots, logs of a proxy",
    "labels that reviewers gave texts of calls that the log no longer has: erase them by their text",
    "rows in the spool of another machine: type the command on each machine that serves",
)


def erase(settings: Settings, subject: Subject) -> dict[str, int]:
    """How many rows went, by what they were: cache, log, feedback, review, with Cassandra the spool. It may run again.

    While it runs, no row is moved from this machine's spool to the database. Raises StoreError.
    """
    if backends.store_name(settings) == "sqlite":
        return backends.erase(settings, subject, ())
    keys = _version_keys(settings) if subject.text is not None else ()
    with _no_replay(settings):
        waiting = erase_waiting(settings.spool_path, subject)
        return backends.erase(settings, subject, keys) | {"spool": waiting}


@contextmanager
def _no_replay(settings: Settings) -> Iterator[None]:
    """Hold the lock of those who move rows from the spool to the database: a row under way would be missed."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        with replay_lock(settings.spool_path) as locked:
            if locked:
                yield
                return
        if time.monotonic() > deadline:
            raise StoreError("a service is moving rows from the spool to the database: try again when that is done")
        time.sleep(0.1)


def _version_keys(settings: Settings) -> list[str]:
    """The content keys of all registered versions: a cached prediction is found by its version's key."""
    try:
        return [version.key for version in Registry(settings.model_name, settings.mlflow_tracking_uri).everything()]
    except RegistryError as error:
        raise StoreError(
            f"the model registry, which knows whose cache to look into, cannot be read: {error}"
        ) from error
