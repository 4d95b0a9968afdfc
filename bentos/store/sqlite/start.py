"""What is done once before the workers start: the tables are created, and the file is seen to take a write."""

import sqlite3
from contextlib import closing

from bentos.settings import Settings
from bentos.store.sqlite.file import check_write, connect, failure
from bentos.store.sqlite.schema import create_tables


def prepare(settings: Settings) -> None:
    """Raises StoreError for a file that cannot be used, or not be written."""
    create_tables(settings.sqlite_path)
    try:
        with closing(connect(settings.sqlite_path)) as connection:
            check_write(connection)
    except sqlite3.Error as error:
        raise failure("write", settings.sqlite_path, error) from error
