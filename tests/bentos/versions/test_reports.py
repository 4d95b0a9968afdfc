"""Where the report of a version is."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bentos.versions import reports
from bentos.versions.copies import Copies
from bentos.versions.reports import name_in_copy, report_of
from registry.versions import Version
from tests.toy import write_toy

VERSION = Version("1", (), "d" * 64, "toy", datetime(2030, 1, 1, tzinfo=UTC), {}, fingerprint="a")


def test_a_version_has_its_own_report_or_none(tmp_path):
    assert report_of(tmp_path, VERSION) is None and report_of(tmp_path / "missing", VERSION) is None
    (tmp_path / "report.html").write_text("as registered")
    assert report_of(tmp_path, VERSION).read_text() == "as registered"
    (tmp_path / name_in_copy(VERSION)).write_text("of the copy")
    assert report_of(tmp_path, VERSION).read_text() == "of the copy"


def test_one_that_is_too_large_or_a_folder_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "MAX_REPORT", 3)
    (tmp_path / "report.html").write_text("long")
    assert report_of(tmp_path, VERSION) is None
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()
    assert report_of(tmp_path, VERSION) is None


@pytest.fixture
def source(tmp_path):
    """A version's folder with a report, and the version."""
    digest = write_toy(tmp_path / "toy")
    (tmp_path / "toy" / "report.html").write_text("one")
    return tmp_path / "toy", replace(VERSION, digest=digest)


def test_versions_that_answer_alike_share_a_copy_and_not_their_reports(tmp_path, source):
    folder, first = source
    second = replace(first, number="2", fingerprint="../../b")
    copies = Copies(tmp_path / "copies")
    copies.keep(folder, first.digest)
    copies.keep_report(folder, first)
    (folder / "report.html").write_text("two")
    copies.keep_report(folder, first)
    copies.keep_report(folder, second)
    copy = copies.folder / first.digest
    assert [report_of(copy, version).read_text() for version in (first, second)] == ["one", "two"]
    assert len(list(copy.iterdir())) == 5 and copies.damage(first.digest) == ""


def test_a_version_without_a_report_gets_none(tmp_path, source):
    folder, version = source
    (folder / "report.html").unlink()
    copies = Copies(tmp_path / "copies")
    copies.keep(folder, version.digest)
    copies.keep_report(folder, version)
    assert report_of(copies.folder / version.digest, version) is None
