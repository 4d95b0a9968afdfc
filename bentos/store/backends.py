"""Which store the settings name."""

from bentos.settings import Settings
from bentos.store import Store


def store_name(settings: Settings) -> str:
    """`astra` where a secure bundle is given, `cassandra` where contact points are, otherwise `sqlite`."""
    if settings.astra_db_secure_bundle_path:
        return "astra"
    return "cassandra" if settings.cassandra_contact_points else "sqlite"


async def open_store(settings: Settings) -> Store:
    """Open the store, ready for use. Raises StoreError when that cannot succeed without a change by an operator."""
    if store_name(settings) == "sqlite":
        from bentos.store.sqlite.store import SQLiteStore

        return await SQLiteStore.open(settings.sqlite_path, settings.cache_ttl, settings.log_ttl)
    from bentos.store.cassandra import store

    return await store.connect(settings)


def prepare(settings: Settings) -> None:
    """What must be done once before the workers start: create or upgrade the SQLite file. Raises StoreError."""
    if store_name(settings) == "sqlite":
        from bentos.store.sqlite.file import prepare as prepare_file

        prepare_file(settings.sqlite_path)
