"""The backends of the store, and the one that the settings choose.

A backend is a folder beside this module with the same five functions as the others: `start.prepare(settings)`,
`store.open_store(settings)`, `schema.migrate(settings)`, `scan.scan_calls(settings, since)` and
`erase.erase(settings, subject, version_keys)`. It is imported only when it is chosen.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from types import ModuleType

from bentos.settings import Settings
from bentos.store import Call, Store, Subject


@dataclass(frozen=True)
class Backend:
    """`chosen` tells whether the settings ask for it."""

    name: str
    folder: str
    chosen: Callable[[Settings], bool]

    def module(self, name: str) -> ModuleType:
        return import_module(f"bentos.store.{self.folder}.{name}")


BACKENDS = (  # the first one that is chosen is the store
    Backend("astra", "cassandra", lambda settings: settings.astra_db_secure_bundle_path is not None),
    Backend("cassandra", "cassandra", lambda settings: settings.cassandra_contact_points != ""),
    Backend("sqlite", "sqlite", lambda settings: True),
)


def store_name(settings: Settings) -> str:
    """`astra` where a secure bundle is given, `cassandra` where contact points are, otherwise `sqlite`."""
    return _backend(settings).name


async def open_store(settings: Settings) -> Store:
    """Open the store, ready for use. Raises StoreError when that cannot succeed without a change by an operator."""
    return await _backend(settings).module("store").open_store(settings)


def migrate(settings: Settings) -> list[str]:
    """Create the tables, or upgrade those of an older version; a sentence for each thing done. Raises StoreError."""
    return _backend(settings).module("schema").migrate(settings)


def prepare(settings: Settings) -> None:
    """Make the store ready, or see that it is: once, before the workers start. It may wait for a database.

    Raises StoreError where the service should not start.
    """
    _backend(settings).module("start").prepare(settings)


def scan_calls(settings: Settings, since: datetime) -> Iterator[Call]:
    """Every caller's calls since then, in no order, without an event loop. Raises StoreError."""
    return _backend(settings).module("scan").scan_calls(settings, since)


def erase(settings: Settings, subject: Subject, version_keys: Collection[str]) -> dict[str, int]:
    """Delete all that the store has of the subject; how many rows went, by what they were.

    `version_keys` are the content keys of the versions whose cached predictions of a text are looked for. Raises
    StoreError, after which some rows may be gone: it may run again.
    """
    return _backend(settings).module("erase").erase(settings, subject, version_keys)


def _backend(settings: Settings) -> Backend:
    return next(backend for backend in BACKENDS if backend.chosen(settings))
