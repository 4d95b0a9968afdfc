"""The copies that a service keeps of what it serves: whole or not there, and not too many."""

import os
import time

import pytest

from bentos.versions import copies as module
from bentos.versions.copies import ABANDONED, KEPT, NEW, Copies
from registry.model.artifact import Artifact, ArtifactError
from tests.toy import write_toy


@pytest.fixture
def copies(tmp_path):
    return Copies(tmp_path / "copies")


def test_a_copy_is_the_version_and_nothing_else_of_its_folder(copies, tmp_path):
    digest = write_toy(tmp_path / "toy")
    (tmp_path / "toy" / "card.md").write_text("a card")
    copies.keep(tmp_path / "toy", digest)
    assert Artifact.load(copies.folder / digest).digest == digest and copies.damage(digest) == ""
    assert [path.name for path in copies.folder.iterdir()] == [digest]
    assert {path.name for path in (copies.folder / digest).iterdir()} == set(module.FILES)


def test_a_whole_copy_is_left_and_a_damaged_one_replaced(copies, tmp_path):
    digest = write_toy(tmp_path / "toy")
    copies.keep(tmp_path / "toy", digest)
    written = (copies.folder / digest / "model.onnx").stat().st_ino
    copies.keep(tmp_path / "toy", digest)
    assert (copies.folder / digest / "model.onnx").stat().st_ino == written
    (copies.folder / digest / "model.onnx").write_bytes(b"damaged")
    assert "damaged" in copies.damage(digest)
    copies.keep(tmp_path / "toy", digest)
    assert copies.damage(digest) == ""


def test_a_source_of_another_digest_is_not_kept_and_leaves_nothing(copies, tmp_path):
    write_toy(tmp_path / "toy")
    with pytest.raises(ArtifactError, match="the registry says"):
        copies.keep(tmp_path / "toy", "0" * 64)
    assert list(copies.folder.iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(copies, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    digest = write_toy(tmp_path / "toy")
    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(ArtifactError, match="No space left"):
        copies.keep(tmp_path / "toy", digest)
    assert list(copies.folder.iterdir()) == []


def test_the_oldest_unused_copies_go_first(copies, tmp_path):
    digests = [write_toy(tmp_path / f"toy{n}", float(n)) for n in range(KEPT + 4)]
    for age, digest in enumerate(reversed(digests), 1):
        copies.keep(tmp_path / f"toy{digests.index(digest)}", digest)
        os.utime(copies.folder / digest, (time.time() - age, time.time() - age))
    served, recorded, *others = digests
    (copies.folder / "served-a.json").write_text(f'{{"digest": "{recorded}"}}')
    copies.delete_unused({served})
    assert {path.name for path in copies.folder.iterdir() if path.is_dir()} == {served, recorded, *others[-KEPT:]}
    copies.delete_unused({served})
    assert len(list(copies.folder.iterdir())) == KEPT + 3


def test_what_a_killed_process_left_is_deleted_and_what_is_being_written_is_not(copies):
    for name, age in (("abandoned", ABANDONED + 60), ("writing", 60)):
        (copies.folder / f"{NEW}{name}").mkdir(parents=True)
        os.utime(copies.folder / f"{NEW}{name}", (time.time() - age, time.time() - age))
    copies.delete_unused(())
    assert [path.name for path in copies.folder.iterdir()] == [f"{NEW}writing"]


def test_records_of_other_settings_do_not_add_up(copies):
    copies.folder.mkdir()
    for n in range(module.KEPT_RECORDS + 3):
        (copies.folder / f"served-{n}.json").write_text("{}")
        os.utime(copies.folder / f"served-{n}.json", (n, n))
    copies.delete_unused(())
    assert len(list(copies.folder.iterdir())) == module.KEPT_RECORDS
    assert not (copies.folder / "served-0.json").exists()
