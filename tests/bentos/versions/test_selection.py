"""Which versions SERVED_VERSIONS selects."""

from datetime import UTC, datetime

import pytest

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.loading import load
from bentos.versions.selection import select, unknown
from registry.versions import Version

VERSIONS = [
    Version(number, aliases, number * 64, "toy", datetime.now(UTC), {})
    for number, aliases in (("4", ()), ("3", ()), ("2", ("challenger",)), ("1", ("champion",)))
]


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        ("aliases", "21"),
        ("all", "4321"),
        ("latest:1", "421"),
        ("latest:9", "4321"),
        ("champion, 4", "41"),
        ("3", "3"),
        ("9", ""),
    ],
)
def test_the_policy_selects_what_is_served(policy, numbers):
    assert "".join(version.number for version in select(VERSIONS, policy)) == numbers


def test_a_listed_version_that_does_not_exist_is_refused_by_its_name():
    absent = unknown(VERSIONS, "champion,night,9")
    assert [refused.number for refused in load(Catalogue(tuple(map(Entry, absent)))).refused] == ["9", "night"]
    assert unknown(VERSIONS, "all") == unknown(VERSIONS, "latest:3") == unknown(VERSIONS, "aliases") == []
