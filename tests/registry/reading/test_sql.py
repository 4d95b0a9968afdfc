"""What is read from MLflow's SQLite file is what MLflow reads from it.

Another database: `tests/system/test_remote_registry.py`.
"""

import sqlite3
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.reading import NeedsMLflow
from registry.reading.sql import sqlite_tables
from registry.route import Routing, set_routing
from tests.toyregistry import MODEL_NAME


def test_both_read_the_same(registry):
    registry.point({}, {"champion": "2", "challenger": "1"})
    registry.client.create_registered_model("another")
    registry.client.create_model_version("another", "file:///nowhere", tags={"digest": "x"})
    registry.client.delete_model_version(MODEL_NAME, "3")
    set_routing(registry, Routing({"challenger": 10.0}))
    tables = sqlite_tables(registry.tracking_uri)
    model = tables.model(MODEL_NAME)
    assert model == registry.model() and [version.number for version in model.versions] == ["2", "1"]
    assert tables.tags(MODEL_NAME) == registry.model_tags() == model.tags
    assert tables.model("another") == type(registry)("another", registry.tracking_uri).model()
    for name, number in ((MODEL_NAME, "1"), (MODEL_NAME, "2"), ("another", "1")):
        assert tables.location(name, number) == registry.client.get_model_version_download_uri(name, number)
    with pytest.raises(RegistryError, match="no version 3"):
        tables.location(MODEL_NAME, "3")


def test_what_is_not_there_is_not_made(tmp_path):
    file = tmp_path / "mlflow.db"
    tables = sqlite_tables(f"sqlite:///{file}")
    assert tables.model("absent") is None and tables.tags("absent") is None and not file.exists()
    file.touch()
    assert tables.model("absent") is None and file.stat().st_size == 0


def test_a_model_that_was_never_registered_is_none(registry):
    assert sqlite_tables(registry.tracking_uri).model("absent") is None


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE registered_model_aliases",
        "ALTER TABLE model_versions RENAME status TO s",
        "ALTER TABLE registered_models RENAME workspace TO w",
    ],
)
def test_another_schema_is_left_to_mlflow(registry, damage):
    with sqlite3.connect(registry.tracking_uri.removeprefix("sqlite:///")) as db:
        db.execute(damage)
    with pytest.raises(NeedsMLflow):
        sqlite_tables(registry.tracking_uri).model(MODEL_NAME)


def test_a_file_that_is_no_database_is_an_error_in_words(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    sentence = r"the registry at sqlite:.* \(MLFLOW_TRACKING_URI\): file is not a database"
    with pytest.raises(RegistryError, match=sentence):
        sqlite_tables(f"sqlite:///{tmp_path / 'mlflow.db'}").model(MODEL_NAME)


def test_a_registry_that_is_being_written_is_read_as_it_was_before(registry):
    before = sqlite_tables(registry.tracking_uri).model(MODEL_NAME)
    with sqlite3.connect(Path(registry.tracking_uri.removeprefix("sqlite:///"))) as db:
        db.execute("DELETE FROM model_version_tags")
        assert sqlite_tables(registry.tracking_uri).model(MODEL_NAME) == before
        db.rollback()
