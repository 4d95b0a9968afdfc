import json
from datetime import UTC, datetime

import pytest

from registry.quality.published import MAX_CHARACTERS, TAG, LiveQuality

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
FIGURES = {"caught": {"low": 0.812345, "value": 0.9, "high": 0.95}, "estimated_caught": {"value": 0.91}}


def test_a_tag_is_read_as_it_was_written():
    quality = LiveQuality(measured_at=AT, hours=24, versions={"3-abcdef01": FIGURES})
    assert LiveQuality.from_tags({TAG: quality.to_tag(), "routing": "{}"}) == quality


def test_the_last_versions_are_cut_where_mlflow_would_refuse_the_tag():
    versions = {f"{number}-abcdef01": FIGURES for number in range(100)}
    tag = LiveQuality(measured_at=AT, hours=24, versions=versions).to_tag()
    kept = list(LiveQuality.from_tags({TAG: tag}).versions)
    assert MAX_CHARACTERS - 200 < len(tag) <= MAX_CHARACTERS and kept == list(versions)[: len(kept)]


@pytest.mark.parametrize(
    "tag",
    [
        "",
        "[]",
        '{"measured_at":"2030-01-31T12:00:00Z","hours":NaN,"versions":{}}',
        '{"measured_at":"2030-01-31T12:00:00","hours":24,"versions":{}}',
        json.dumps({"measured_at": AT.isoformat(), "hours": 24, "versions": {"1-a": {"another": {"value": 1}}}}),
    ],
)
def test_what_another_program_wrote_is_no_quality(tag):
    assert LiveQuality.from_tags({TAG: tag}) is None and LiveQuality.from_tags({}) is None
