"""The catalogue as it is read from the registry, with downloads from a remote store."""

import shutil
import tempfile
import time
from pathlib import Path

import pytest

from bentos.versions.catalogue import dumps
from bentos.versions.following.process import delete_unused_downloads
from bentos.versions.following.report import Report
from bentos.versions.loading import load
from bentos.versions.registry_reader import RETRY_DOWNLOAD, CatalogueError, RegistryReader
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry


def test_a_registry_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CatalogueError, match="make up"):
        RegistryReader("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()
    assert not (tmp_path / "mlflow.db").exists()


def test_a_registry_that_is_no_registry_is_an_error_in_words(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(CatalogueError, match="cannot be read"):
        RegistryReader("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A reader whose versions come as downloads into a folder, each time as another copy of what the registry has."""
    uri, downloads = make_registry(tmp_path), tmp_path / "downloads"
    downloads.mkdir()
    local = Registry.folder

    def download(registry, version):
        where = tempfile.mkdtemp(dir=downloads)
        return Path(shutil.copytree(local(registry, version), where, dirs_exist_ok=True))

    monkeypatch.setattr(Registry, "folder", download)
    reader = RegistryReader(MODEL_NAME, uri, downloads=downloads)
    reader.original = local(Registry(MODEL_NAME, uri), Registry(MODEL_NAME, uri).resolve("2"))
    return reader


def folders(reader: RegistryReader) -> dict[str, str | None]:
    """By number, as the follower would report them and then sweep."""
    report = Report(reader.catalogue())
    report.write(reader.downloads)
    delete_unused_downloads(reader.downloads)
    return {entry.version.number: entry.folder for entry in report.catalogue.entries}


def test_a_download_is_kept_while_it_is_whole_and_named(remote):
    first = folders(remote)
    assert folders(remote) == first and len(load(remote.catalogue()).versions) == 2
    (Path(first["1"]) / "model.onnx").unlink()
    again = folders(remote)
    assert again["2"] == first["2"] and again["1"] != first["1"]
    assert {str(path) for path in remote.downloads.glob("tmp*")} == set(again.values())
    client = remote._registry.client
    client.delete_registered_model_alias(MODEL_NAME, "challenger")
    held = remote.downloads / "held.json"
    held.write_text(dumps(remote.catalogue()).replace(again["1"], again["2"]))
    folders(remote)
    assert Path(again["2"]).exists(), "the workers hold it"
    held.unlink()
    assert folders(remote) == {"1": again["1"]} and not Path(again["2"]).exists()


def test_a_download_that_came_broken_is_fetched_anew(remote, monkeypatch):
    whole = (remote.original / "model.onnx").read_bytes()
    (remote.original / "model.onnx").write_bytes(b"damaged")
    assert folders(remote)["2"] is None and len(list(remote.downloads.glob("tmp*"))) == 1
    (refused,) = load(remote.catalogue()).refused
    assert refused.number == "2" and "damaged" in refused.problem and str(remote.downloads) not in refused.problem
    (remote.original / "model.onnx").write_bytes(whole)
    assert folders(remote)["2"] is None, "not at every look"
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + RETRY_DOWNLOAD)
    assert folders(remote)["2"] and load(remote.catalogue()).refused == ()
