"""The follower's state as a file."""

from datetime import UTC, datetime

import pytest

from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.following.follower_state import FollowerState
from registry.versions import Version

AT = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_state_is_read_as_it_was_written(tmp_path):
    catalogue = Catalogue((Entry(Version("1", ("champion",), "a" * 64, "toy", AT, {"mcc": 0.9}), "one"),))
    for state in (
        FollowerState(problem="no registry yet"),
        FollowerState(catalogue, AT),
        FollowerState(catalogue, AT, "it is away now"),
    ):
        state.write(tmp_path)
        assert FollowerState.read(tmp_path) == state
    assert [file.name for file in tmp_path.iterdir()] == ["registry.json"]


def test_before_the_first_state_there_is_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        FollowerState.read(tmp_path)
