import pytest

from bentos.settings import Settings
from bentos.store.backends import open_store, store_name


def settings(**values) -> Settings:
    nothing_else = {"cassandra_contact_points": "", "astra_db_secure_bundle_path": None}
    return Settings(_env_file=None, **nothing_else | values)


def test_sqlite_is_the_store_where_no_database_is_named():
    assert store_name(settings()) == "sqlite"


def test_contact_points_make_it_cassandra_and_a_bundle_astra(tmp_path):
    assert store_name(settings(cassandra_contact_points="10.0.0.1")) == "cassandra"
    assert store_name(settings(astra_db_secure_bundle_path=tmp_path / "bundle.zip")) == "astra"


@pytest.mark.anyio
async def test_sqlite_opens_at_its_path(tmp_path):
    store = await open_store(settings(sqlite_path=tmp_path / "mine.db"))
    await store.close()
    assert (tmp_path / "mine.db").exists()
