"""The folder of a run: what it may be, and what is left of one that was killed."""

import json

import pytest

from pipelines.scoring.folder import OutputError, OutputFolder

BEGUN = {
    "input": {"files": [["a.csv", 3, "ff"]]},
    "model": {"name": "sms-spam", "version": "2", "digest": "abcdef0123"},
}


@pytest.fixture
def folder(tmp_path) -> OutputFolder:
    return OutputFolder(tmp_path / "out")


def test_only_a_new_an_empty_or_a_begun_folder_is_written(folder):
    folder.check()
    folder.path.mkdir()
    folder.check()
    (folder.path / "mine.txt").touch()
    with pytest.raises(OutputError, match="not of this command"):
        folder.check()
    (folder.path / "mine.txt").unlink()
    with folder.locked():
        folder.check()
        folder.begin(BEGUN)
    (folder.path / "part-000000.parquet").touch()
    folder.check()
    with pytest.raises(OutputError, match="is a file"):
        OutputFolder(folder.path / "part-000000.parquet").check()


def test_another_input_or_version_is_refused_and_the_same_one_goes_on(folder):
    with folder.locked():
        folder.begin(BEGUN)
        before = folder.manifest.read_bytes()
        folder.begin(json.loads(json.dumps(BEGUN)))
        with pytest.raises(OutputError, match="another input"):
            folder.begin(BEGUN | {"input": {"files": []}})
        with pytest.raises(OutputError, match=r"version 2 \(abcdef01\): `--model models:/sms-spam/2` goes on"):
            folder.begin(BEGUN | {"model": BEGUN["model"] | {"version": "3"}})
        assert folder.manifest.read_bytes() == before


def test_two_runs_do_not_write_at_once(folder):
    with folder.locked(), pytest.raises(OutputError, match="another run"), folder.locked():
        pass
    with folder.locked():
        pass


def test_a_file_appears_whole_or_not_at_all(folder):
    with folder.locked():
        with folder.new(folder.part(3)) as file:
            file.write(b"rows")
            assert folder.finished() == set()
        with pytest.raises(ValueError), folder.new(folder.part(4)) as file:
            file.write(b"half")
            raise ValueError
        with folder.new(folder.rejected(3)):
            pass
        assert folder.finished() == {3} and not folder.rejected(3).exists()
        assert list((folder.path / "_tmp").iterdir()) == []


def test_what_a_killed_run_left_is_deleted(folder):
    with folder.locked():
        (folder.path / "_tmp" / "half").write_text("half")
    with folder.locked():
        assert list((folder.path / "_tmp").iterdir()) == []


def test_the_end_writes_the_summary_and_deletes_the_copy_of_the_log(folder):
    with folder.locked():
        (folder.path / "_input").mkdir()
        assert folder.summary() is None
        folder.end({"rows": 3})
        assert folder.summary() == {"rows": 3} and not (folder.path / "_input").exists()
