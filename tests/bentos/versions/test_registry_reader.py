"""The catalogue as it is read from the registry, with downloads from a remote store."""

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bentos.versions.copies import Copies
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.following.process import delete_unused_downloads
from bentos.versions.loading import load
from bentos.versions.registry_reader import RETRY, CatalogueError, RegistryReader
from registry.model.artifact import ArtifactError
from registry.model.evaluation import EvaluationDetails
from registry.model.profile import profile_of
from registry.quality.published import TAG, LiveQuality
from registry.quick import DetachedRegistry
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, add_version, make_registry


def test_a_registry_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CatalogueError, match="make up"):
        RegistryReader("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()
    assert not (tmp_path / "mlflow.db").exists()


def test_a_registry_that_is_no_registry_is_an_error_in_words(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(CatalogueError, match="cannot be read"):
        RegistryReader("sms-spam", f"sqlite:///{tmp_path / 'mlflow.db'}").catalogue()


def test_a_champion_without_a_verdict_of_the_gate_is_not_taken_up(tmp_path):
    uri = make_registry(tmp_path)
    before = load(RegistryReader(MODEL_NAME, uri).catalogue())
    registry = Registry(MODEL_NAME, uri)
    number = add_version(tmp_path, uri, 2.0)
    registry.client.set_registered_model_alias(MODEL_NAME, "champion", number)  # as one click in MLflow's UI does
    catalogue = RegistryReader(MODEL_NAME, uri, "all").catalogue()
    served = load(catalogue, before=before)
    assert served.default.number == "1" and served.by_ref[number].aliases == ()
    assert f"version {number} was made champion without a verdict" in served.default.source_problem
    assert "promote" in load(catalogue).why_no_champion, "a new service has none before it"
    assert (
        load(RegistryReader(MODEL_NAME, uri, admitted_only=False).catalogue(), before=before).default.number == number
    )
    for tag, value in (("verdict", '{"passed": false}'), ("verdict", '{"passed": true}')):
        registry.client.set_model_version_tag(MODEL_NAME, number, tag, value)
        default = load(RegistryReader(MODEL_NAME, uri).catalogue(), before=before).default
        assert (default.number == number) == ("true" in value)


def test_the_published_quality_comes_along_and_a_damaged_one_costs_nothing_but_itself(tmp_path):
    uri = make_registry(tmp_path)
    registry, reader = Registry(MODEL_NAME, uri), RegistryReader(MODEL_NAME, uri)
    assert reader.catalogue().quality is None
    quality = LiveQuality(measured_at=datetime(2030, 1, 1, tzinfo=UTC), hours=24, versions={})
    registry.tag_model(TAG, quality.to_tag())
    assert reader.catalogue().quality == quality
    registry.tag_model(TAG, "{")
    assert reader.catalogue().quality is None and len(reader.catalogue().entries) == 2


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A reader whose versions come as downloads into a folder, each time as another copy of what the registry has."""
    uri, downloads = make_registry(tmp_path), tmp_path / "downloads"
    downloads.mkdir()
    local = DetachedRegistry.local_folder

    def download(registry, version, into):
        where = tempfile.mkdtemp(dir=into)
        return Path(shutil.copytree(local(registry, version), where, dirs_exist_ok=True))

    monkeypatch.setattr(DetachedRegistry, "local_folder", lambda *_: None)
    monkeypatch.setattr(DetachedRegistry, "download", download)
    reader = RegistryReader(MODEL_NAME, uri, downloads=downloads)
    reader.original = local(reader._registry, reader._registry.resolve("2"))
    return reader


def folders(reader: RegistryReader) -> dict[str, str | None]:
    """By number, as the follower would name them and then sweep."""
    state = FollowerState(reader.catalogue())
    state.write(reader.downloads)
    delete_unused_downloads(reader.downloads)
    return {entry.version.number: entry.folder for entry in state.catalogue.entries}


def test_a_download_is_kept_while_it_is_whole_and_named(remote):
    first = folders(remote)
    assert folders(remote) == first and len(load(remote.catalogue()).versions) == 2
    (Path(first["1"]) / "model.onnx").unlink()
    again = folders(remote)
    assert again["2"] == first["2"] and again["1"] != first["1"]
    assert {str(path) for path in remote.downloads.glob("tmp*")} == set(again.values())
    remote._registry.client.delete_registered_model_alias(MODEL_NAME, "challenger")
    assert folders(remote) == {"1": again["1"]} and not Path(again["2"]).exists()


def test_a_download_is_not_needed_once_it_is_copied(remote, tmp_path):
    remote.copies = Copies(tmp_path / "copies")
    first = remote.catalogue()
    folders(remote)
    assert list(remote.downloads.glob("tmp*")) == [] and not remote.files_changed
    assert len(load(first, remote.copies.folder).versions) == 2
    (remote.copies.folder / first.entries[0].version.digest / "model.onnx").write_bytes(b"tampered with")
    assert remote.files_changed and remote.catalogue() == first, "it is downloaded and copied again"
    assert len(load(first, remote.copies.folder).versions) == 2


@pytest.fixture
def local(tmp_path):
    """A reader that keeps copies, and the registry's own folder of version 1, its champion."""
    uri = make_registry(tmp_path)
    reader = RegistryReader(MODEL_NAME, uri, copies=Copies(tmp_path / "copies"))
    models = Registry(MODEL_NAME, uri)
    return reader, models.folder(models.resolve("1"))


def entry_of(reader: RegistryReader, number: str):
    return next(entry for entry in reader.catalogue().entries if entry.version.number == number)


HARMS = {
    "deleted": (shutil.rmtree, "No such"),
    "truncated": (lambda folder: (folder / "model.onnx").write_bytes(b"trunc"), "damaged"),
    "in part": (lambda folder: (folder / "tokenizer.json").unlink(), "cannot read"),
}


@pytest.mark.parametrize(("harm", "why"), HARMS.values(), ids=HARMS)
def test_a_version_whose_source_is_harmed_is_served_from_its_copy_until_it_is_whole_again(local, tmp_path, harm, why):
    reader, source = local
    whole = entry_of(reader, "1")
    assert whole.source_problem == "" and not reader.files_changed
    shutil.copytree(source, tmp_path / "backup")
    harm(source)
    assert reader.files_changed
    for again in (reader, RegistryReader(MODEL_NAME, reader.tracking_uri, copies=reader.copies)):
        entry = entry_of(again, "1")
        assert entry.folder == whole.folder and why in entry.source_problem and entry.version.problem == ""
        assert load(again.catalogue(), reader.copies.folder).default.number == "1"
    shutil.copytree(tmp_path / "backup", source, dirs_exist_ok=True)
    assert reader.files_changed and entry_of(reader, "1") == whole


def test_a_copy_that_was_tampered_with_is_refused_when_there_is_no_source(local):
    reader, source = local
    digest = entry_of(reader, "1").folder
    shutil.rmtree(source)
    (reader.copies.folder / digest / "tokenizer.json").write_bytes(b"{}")
    entry = entry_of(reader, "1")
    assert entry.folder is None and "its copy is refused" in entry.version.problem
    (refused,) = load(reader.catalogue(), reader.copies.folder).refused
    assert refused.number == "1" and "damaged" in refused.problem


def test_the_report_of_a_version_is_copied_and_survives_its_source(local):
    reader, source = local
    (source / "report.html").write_text("a report")
    for harm in (lambda _: None, shutil.rmtree):
        harm(source)
        assert load(reader.catalogue(), reader.copies.folder).default.report.read_text() == "a report"
    assert load(reader.catalogue(), reader.copies.folder).versions[0].report is None


def test_what_a_version_was_trained_on_is_copied_and_survives_its_source(local):
    reader, source = local
    EvaluationDetails(training=profile_of([("ham", "hi")])).write(source / "evaluation" / "details.json")
    for harm in (lambda _: None, shutil.rmtree):
        harm(source)
        served = load(reader.catalogue(), reader.copies.folder)
        assert served.default.reference.labels == {"ham": 1} and served.versions[0].reference is None


@pytest.mark.parametrize("content", ["{", '{"training": 3}', '{"training": {"labels": {}, "lengths": [1]}}'])
def test_details_that_are_damaged_cost_the_drift_alone(local, caplog, content):
    reader, source = local
    (source / "evaluation" / "details.json").write_text(content)
    served = load(reader.catalogue(), reader.copies.folder)
    assert served.default.reference is None and "the drift of version 1 is not measured" in caplog.text


def test_a_report_that_cannot_be_copied_costs_nothing_but_itself(local, caplog, monkeypatch):
    def full(*_):
        raise ArtifactError("no space left")

    reader, source = local
    (source / "report.html").write_text("a report")
    monkeypatch.setattr(reader.copies, "keep_report", full)
    served = load(reader.catalogue(), reader.copies.folder)
    assert served.default.report is None and "without its report: no space left" in caplog.text


def test_where_no_copy_can_be_kept_the_source_is_served_and_that_is_said(local, caplog):
    reader, source = local
    reader.copies.folder.write_text("no folder")
    assert entry_of(reader, "1").folder == str(source) and "cannot keep a copy" in caplog.text
    assert load(reader.catalogue(), reader.copies.folder).default.number == "1"


def test_a_download_that_came_broken_is_fetched_anew(remote, monkeypatch):
    whole = (remote.original / "model.onnx").read_bytes()
    (remote.original / "model.onnx").write_bytes(b"damaged")
    assert folders(remote)["2"] is None and len(list(remote.downloads.glob("tmp*"))) == 1
    (refused,) = load(remote.catalogue()).refused
    assert refused.number == "2" and "damaged" in refused.problem and str(remote.downloads) not in refused.problem
    (remote.original / "model.onnx").write_bytes(whole)
    assert folders(remote)["2"] is None, "not at every look"
    monkeypatch.setattr(time, "monotonic", lambda now=time.monotonic: now() + RETRY)
    assert folders(remote)["2"] and load(remote.catalogue()).refused == ()
