"""Before the workers start: the file is there, and takes a write."""

import os
from contextlib import closing

import pytest

from bentos.settings import Settings
from bentos.store import StoreError
from bentos.store.spool import check_writable
from bentos.store.sqlite import file
from bentos.store.sqlite.file import connect
from bentos.store.sqlite.schema import create_tables
from bentos.store.sqlite.start import prepare


@pytest.mark.parametrize("opens", [create_tables, check_writable], ids=["store", "spool"])
def test_a_new_file_that_another_process_is_making_is_waited_for(tmp_path, monkeypatch, opens):
    with closing(connect(tmp_path / "new.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(file.time, "sleep", lambda seconds: other.execute("COMMIT"))
        opens(tmp_path / "new.db")
        assert not other.in_transaction


def test_a_new_file_that_stays_locked_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(file, "LOCK_TIMEOUT", 0.05)
    with closing(connect(tmp_path / "new.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            create_tables(tmp_path / "new.db")


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
