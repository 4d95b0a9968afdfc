"""The tables of the store's SQLite file, and their upgrade from older versions.

A release that knows only the tables of COMPATIBLE may go on using the file while it is replaced: it finds them as
views, whose triggers write to the tables of today. So its `user_version` stays COMPATIBLE, and a table of one row holds
the version of the tables themselves.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

from bentos.settings import Settings
from bentos.store import StoreError, digest, timeuuid
from bentos.store.sqlite.file import connect, failure, use_write_ahead_log

APPLICATION_ID = 0x5350414D  # "SPAM", in the file's header: the file is this program's
SCHEMA = 4
COMPATIBLE = 2  # user_version in the header: the oldest release that can use the file, which accepts no other

# Each table is its primary key's tree (WITHOUT ROWID): a text is stored once, a caller's hour lies together, old hours,
# which lead the key, are dropped without an index of their own, and the corrections of a text are neighbours.
_STEPS = {  # schema version -> the statements that lead to it from the version before
    1: """
CREATE TABLE spam_cache_items (
    model_version TEXT NOT NULL, input TEXT NOT NULL, prediction_map TEXT NOT NULL, stored_at INTEGER NOT NULL,
    PRIMARY KEY (model_version, input)
) WITHOUT ROWID;
CREATE INDEX spam_cache_items_by_age ON spam_cache_items (stored_at);
CREATE TABLE spam_calls_per_caller (
    called_hour INTEGER NOT NULL, caller_id TEXT NOT NULL, called_time INTEGER NOT NULL, called_at BLOB NOT NULL,
    input TEXT NOT NULL, model_version TEXT NOT NULL, result TEXT NOT NULL, from_cache INTEGER NOT NULL,
    PRIMARY KEY (called_hour, caller_id, called_time, called_at)
) WITHOUT ROWID;
""",
    2: """
CREATE TABLE spam_feedback (
    input TEXT NOT NULL, caller_id TEXT NOT NULL, label TEXT NOT NULL, corrected_at BLOB NOT NULL,
    PRIMARY KEY (input, caller_id)
) WITHOUT ROWID;
""",
    3: """
CREATE TABLE spam_schema (version INTEGER NOT NULL);
INSERT INTO spam_schema VALUES (3);
ALTER TABLE spam_calls_per_caller RENAME TO spam_calls;
ALTER TABLE spam_calls ADD COLUMN probability REAL;
ALTER TABLE spam_calls ADD COLUMN alias TEXT NOT NULL DEFAULT '';
ALTER TABLE spam_calls ADD COLUMN source TEXT NOT NULL DEFAULT 'model';
ALTER TABLE spam_feedback RENAME TO spam_corrections;
ALTER TABLE spam_corrections ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE spam_corrections ADD COLUMN corrected_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spam_corrections ADD COLUMN digest BLOB;
CREATE INDEX spam_corrections_by_age ON spam_corrections (corrected_time);
CREATE INDEX spam_corrections_by_caller ON spam_corrections (caller_id, digest);
""",
    4: """
CREATE TABLE spam_review (
    called_hour INTEGER NOT NULL, called_time INTEGER NOT NULL, called_at BLOB NOT NULL, caller_id TEXT NOT NULL,
    input TEXT NOT NULL, model_version TEXT NOT NULL, result TEXT NOT NULL, probability REAL NOT NULL,
    reason TEXT NOT NULL, state TEXT NOT NULL, answer TEXT NOT NULL, reviewer TEXT NOT NULL, decided_at BLOB,
    PRIMARY KEY (called_hour, called_time, called_at)
) WITHOUT ROWID;
UPDATE spam_schema SET version = 4;
""",
}
_VIEWS = (  # for a release of COMPATIBLE
    """CREATE VIEW spam_calls_per_caller AS
    SELECT called_hour, caller_id, called_time, called_at, input, model_version, result, from_cache FROM spam_calls
    WHERE source != 'shadow'""",  # it would be shown to callers as an answer
    """CREATE TRIGGER spam_calls_inserted INSTEAD OF INSERT ON spam_calls_per_caller BEGIN
    INSERT INTO spam_calls
        (called_hour, caller_id, called_time, called_at, input, model_version, result, from_cache)
    VALUES (new.called_hour, new.caller_id, new.called_time, new.called_at, new.input, new.model_version, new.result,
        new.from_cache);
END""",
    """CREATE TRIGGER spam_calls_deleted INSTEAD OF DELETE ON spam_calls_per_caller BEGIN
    DELETE FROM spam_calls WHERE (called_hour, caller_id, called_time, called_at)
        = (old.called_hour, old.caller_id, old.called_time, old.called_at);
END""",
    "CREATE VIEW spam_feedback AS SELECT input, caller_id, label, corrected_at FROM spam_corrections",
    f"""CREATE TRIGGER spam_corrections_inserted INSTEAD OF INSERT ON spam_feedback BEGIN
    INSERT INTO spam_corrections (input, caller_id, label, corrected_at, corrected_time)
    VALUES (new.input, new.caller_id, new.label, new.corrected_at, {timeuuid.ticks_sql("unixepoch()")});
END""",
)


def migrate(settings: Settings) -> list[str]:
    """Create or upgrade the tables, and say so. Raises StoreError."""
    create_tables(settings.sqlite_path)
    with closing(connect(settings.sqlite_path)) as connection:
        _index_corrections(connection)
    return [f"the tables of {settings.sqlite_path} are as they should be"]


def create_tables(path: Path) -> None:
    """Create the file and its tables where they are missing, and upgrade those of an older version in place.

    Raises StoreError for a file that cannot be used, or that another program or a newer version of this one wrote.
    """
    try:
        with closing(connect(path)) as connection:
            if _version(connection) == SCHEMA:
                return
            use_write_ahead_log(connection)
            connection.execute("BEGIN IMMEDIATE")
            version = _version(connection)  # another process may have been faster
            if version is None:
                raise StoreError(f"{path} holds another program's tables: set SQLITE_PATH to another file")
            if version > SCHEMA:
                raise StoreError(
                    f"{path} has tables of version {version}, this program has {SCHEMA}: set SQLITE_PATH to another"
                )
            _upgrade(connection, version)
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise failure("open", path, error) from error


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Raises StoreError where the tables are not those of this version."""
    if _version(connection) != SCHEMA:
        raise StoreError(f"the tables of {path} are of another version: run `python -m bentos migrate`")


def _upgrade(connection: sqlite3.Connection, version: int) -> None:
    """Take each step that the file has not taken yet: all of them for a new one, whose version is 0."""
    for step in range(version + 1, SCHEMA + 1):
        for statement in filter(str.strip, _STEPS[step].split(";")):
            connection.execute(statement)
        if step == 3:
            _index_corrections(connection)
            for view in _VIEWS:
                connection.execute(view)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {COMPATIBLE}")


def _index_corrections(connection: sqlite3.Connection) -> None:
    """Fill the columns by which corrections are found, where an older release has written the row."""
    rows = connection.execute("SELECT input, caller_id, corrected_at FROM spam_corrections WHERE digest IS NULL")
    for text, caller, at in rows.fetchall():
        connection.execute(
            "UPDATE spam_corrections SET digest = ?, corrected_time = ? WHERE input = ? AND caller_id = ?",
            (digest(text), UUID(bytes=at).time, text, caller),
        )


def _version(connection: sqlite3.Connection) -> int | None:
    """The version of the tables: 0 where there are none, None where they are another program's."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if application != APPLICATION_ID:
        return None if tables else 0
    if "spam_schema" in tables:
        return connection.execute("SELECT version FROM spam_schema").fetchone()[0]
    return connection.execute("PRAGMA user_version").fetchone()[0]
