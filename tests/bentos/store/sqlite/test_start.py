"""Before the workers start: the file is there, and takes a write."""

import os

import pytest

from bentos.settings import Settings
from bentos.store import StoreError
from bentos.store.sqlite.start import prepare


@pytest.fixture
def nobody():
    """The rest of the test runs as a user who owns no file: permissions do not bind the superuser."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


def test_a_file_that_can_only_be_read_ends_the_start(tmp_path, request):
    settings = Settings(_env_file=None, sqlite_path=tmp_path / "spam.db")
    prepare(settings)
    prepare(settings)
    settings.sqlite_path.chmod(0o444)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    request.getfixturevalue("nobody")
    with pytest.raises(StoreError, match=r"spam\.db"):
        prepare(settings)
