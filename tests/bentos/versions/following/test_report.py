"""The follower's report as a file."""

from datetime import UTC, datetime

import pytest

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.following.report import Report
from registry.versions import Version

AT = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_report_is_read_as_it_was_written(tmp_path):
    catalogue = Catalogue((Entry(Version("1", ("champion",), "a" * 64, "toy", AT, {"mcc": 0.9}), "one"),))
    for report in (Report(problem="no registry yet"), Report(catalogue, AT), Report(catalogue, AT, "it is away now")):
        report.write(tmp_path)
        assert Report.read(tmp_path) == report
    assert [file.name for file in tmp_path.iterdir()] == ["registry.json"]


def test_before_the_first_report_there_is_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        Report.read(tmp_path)
