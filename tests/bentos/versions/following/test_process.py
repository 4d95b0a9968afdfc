"""The follower asks MLflow only when the registry may have changed."""

import shutil
import threading
from pathlib import Path

import pytest

from bentos.settings import Settings
from bentos.versions.catalogue import Catalogue
from bentos.versions.copies import Copies
from bentos.versions.following import process
from bentos.versions.following.courier import Courier
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.following.process import Poller, _follow
from bentos.versions.registry_reader import RegistryReader
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry


class CountingReader(RegistryReader):
    reads = 0

    def catalogue(self) -> Catalogue:
        self.reads += 1
        return super().catalogue()


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return make_registry(tmp_path_factory.mktemp("registry"))


def test_an_unchanged_registry_is_not_read_again_and_a_changed_one_is(uri):
    reader = CountingReader(MODEL_NAME, uri)
    poller = Poller(reader)
    state = poller.next_state(FollowerState())
    assert poller.next_state(state).catalogue == state.catalogue and reader.reads == 1
    Registry(MODEL_NAME, uri).client.set_registered_model_alias(MODEL_NAME, "night", "2")
    changed = poller.next_state(state)
    assert reader.reads == 2 and "night" in changed.catalogue.entries[0].version.aliases


def test_a_registry_that_is_away_keeps_the_last_catalogue_and_is_complained_of_once(tmp_path, caplog):
    poller = Poller(RegistryReader(MODEL_NAME, f"sqlite:///{tmp_path / 'mlflow.db'}"))
    last = FollowerState(Catalogue(()))
    for _ in range(3):
        last = poller.next_state(last)
    assert last.catalogue == Catalogue(()) and "make up" in last.problem
    assert caplog.text.count("make up") == 1


class SlowReader(RegistryReader):
    """Gives no catalogue until `answering` is set."""

    def __init__(self, uri: str) -> None:
        super().__init__(MODEL_NAME, uri)
        self.answering = threading.Event()

    def catalogue(self) -> Catalogue:
        self.answering.wait()
        return super().catalogue()


def test_a_registry_that_is_slow_is_complained_of_and_its_answer_is_waited_for(uri, monkeypatch, caplog):
    monkeypatch.setattr(process, "READ_TIMEOUT", 0.01)
    poller = Poller(reader := SlowReader(uri))
    last = FollowerState(Catalogue(()))
    for _ in range(3):
        last = poller.next_state(last)
    assert last.catalogue == Catalogue(()) and "did not answer" in last.problem
    assert caplog.text.count("did not answer") == 1
    monkeypatch.undo()
    reader.answering.set()
    state = poller.next_state(last)
    assert state.problem == "" and len(state.catalogue.entries) == 2


def test_another_file_in_the_place_of_the_registry_is_read(uri, tmp_path):
    (tmp_path / "other").mkdir()
    other = make_registry(tmp_path / "other", champion=2.0)
    file = tmp_path / "mlflow.db"
    shutil.copy(uri.removeprefix("sqlite:///"), file)
    poller = Poller(CountingReader(MODEL_NAME, f"sqlite:///{file}"))
    before = poller.next_state(FollowerState()).catalogue
    Path(other.removeprefix("sqlite:///")).replace(file)
    after = poller.next_state(FollowerState()).catalogue
    assert before != after and poller.next_state(FollowerState()).catalogue is after and poller.reader.reads == 2


class Ending:
    """A poller of a service that ends: the folder is being deleted at the first state, and gone at the second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reader = RegistryReader("sms-spam", "http://nowhere.example")
        self.states = 0

    def next_state(self, last: FollowerState) -> FollowerState:
        self.states += 1
        if self.states == 2:
            shutil.rmtree(self.folder)
        return FollowerState(Catalogue(()))


def test_a_folder_that_is_being_deleted_is_left_to_who_deletes_it(tmp_path):
    (folder := tmp_path / "shared").mkdir()
    (folder / "new").symlink_to(tmp_path / "gone" / "new")  # writing to it fails as to a file in a deleted folder
    poller = Ending(folder)
    _follow(poller, Copies(tmp_path / "copies"), folder, 0.0, Courier(Settings()))
    assert poller.states == 2
