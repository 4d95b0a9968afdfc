"""The tables in Cassandra or Astra DB, and the migration that creates or upgrades them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cassandra import InvalidRequest
from cassandra.cluster import Session
from cassandra.metadata import protect_name
from cassandra.pool import Host
from cassandra.query import PreparedStatement, SimpleStatement

from bentos.settings import Settings
from bentos.store import StoreError, digest, timeuuid
from bentos.store.cassandra.cluster import CONNECT_TIMEOUT, is_astra, keyspace_of
from bentos.store.cassandra.session import connected

CHANGE_TIMEOUT = 30.0  # seconds that a change of the schema may take
READ_TIMEOUT = 10.0  # seconds that a read of the schema may take
PAGE = 200  # corrections in memory at once
WINDOWS = 30  # into which compaction by time divides a lifetime


@dataclass(frozen=True)
class Table:
    """Columns with their types: `partition` and `clustering` make the primary key, `columns` are the others."""

    name: str
    partition: Mapping[str, str]
    clustering: Mapping[str, str]
    columns: Mapping[str, str]

    def create(self, name: str) -> str:
        """The statement that creates the table, under its full name, where it is missing."""
        columns = ", ".join(f"{column} {type_}" for column, type_ in self._all().items())
        key = ", ".join([f"({', '.join(self.partition)})", *self.clustering])
        return f"CREATE TABLE IF NOT EXISTS {name} ({columns}, PRIMARY KEY ({key}))"

    @property
    def key(self) -> set[str]:
        """The columns of the primary key."""
        return {*self.partition, *self.clustering}

    def _all(self) -> dict[str, str]:
        return {**self.partition, **self.clustering, **self.columns}


CACHE = Table(
    "spam_cache_items",
    {"model_version": "text", "input": "text"},
    {},
    {
        "confidence": "float",
        "prediction_map": "map<text, float>",
        "result": "text",
        "stored_at": "timeuuid",
        "whole_input": "text",  # of an input too long to be a key: `input` is its digest then
    },
)
LOG = Table(
    "spam_calls_per_caller",
    {"caller_id": "text", "called_hour": "timestamp"},
    {"called_at": "timeuuid"},
    {
        "input": "text",
        "model_version": "text",
        "result": "text",
        "from_cache": "boolean",
        "probability": "float",
        "alias": "text",
        "source": "text",
    },
)
FEEDBACK = Table(  # a partition has the corrections of one text, whose digest is a key however long it is
    "spam_feedback",
    {"input_sha256": "text"},
    {"caller_id": "text"},
    {"corrected_at": "timeuuid", "input": "text", "label": "text", "reason": "text"},
)
HOURS = Table(  # the partitions that a caller has in the log
    "spam_caller_hours", {"caller_id": "text"}, {"called_hour": "timestamp"}, {}
)
CORRECTED = Table(  # by which a caller's calls find their corrections; `digest` is that of `bentos.store.digest`
    "spam_corrected",
    {"caller_id": "text"},
    {"digest": "blob", "input_sha256": "text"},
    {"label": "text", "corrected_at": "timeuuid"},
)
REVIEW = Table(  # a partition has the questions on the calls of an hour
    "spam_review",
    {"called_hour": "timestamp"},
    {"called_at": "timeuuid"},
    {
        "caller_id": "text",
        "input": "text",
        "model_version": "text",
        "result": "text",
        "probability": "float",
        "reason": "text",
        "state": "text",
        "answer": "text",
        "reviewer": "text",
        "decided_at": "timeuuid",
    },
)


TABLES = (CACHE, LOG, HOURS, FEEDBACK, CORRECTED, REVIEW)


def migrate(settings: Settings) -> list[str]:
    """Create the keyspace and the tables, or add to older ones what they lack; a sentence for each thing done.

    It drops nothing, and is idempotent: it may run again, and several times at once. Raises StoreError when the
    database cannot be reached or refuses.
    """
    with connected(settings) as session:
        return list(_migrate(session, settings))


def full_name(keyspace: str, table: Table) -> str:
    """The table's name in a statement."""
    return f"{protect_name(keyspace)}.{table.name}"


def _migrate(session: Session, settings: Settings) -> Iterator[str]:
    keyspace = keyspace_of(settings)
    if not _exists(session, keyspace):
        if is_astra(settings):
            raise StoreError(f"keyspace {keyspace} does not exist: create it in the Astra DB console")
        replication = _replication(settings.cassandra_replication)
        _change(session, f"CREATE KEYSPACE IF NOT EXISTS {protect_name(keyspace)} WITH replication = {replication}")
        yield f"keyspace {keyspace} created, replication {settings.cassandra_replication}"
    by_age = {CACHE.name: settings.cache_ttl} | dict.fromkeys((LOG.name, HOURS.name, REVIEW.name), settings.log_ttl)
    for table in TABLES:
        lifetime = by_age.get(table.name, 0)  # rows of the others are replaced, at any age
        compaction = None if is_astra(settings) else _compaction(lifetime)  # Astra DB has its own
        changes = list(_migrate_table(session, keyspace, table, compaction))
        yield from changes or [f"table {full_name(keyspace, table)} is up to date"]
    if FEEDBACK.key <= _columns(session, keyspace, FEEDBACK):  # else it is another program's table
        _index_corrections(session, keyspace, settings.feedback_ttl)
    if LOG.key <= _columns(session, keyspace, LOG):
        _note_hours(session, keyspace, settings.log_ttl)


def _migrate_table(session: Session, keyspace: str, table: Table, compaction: dict[str, str] | None) -> Iterator[str]:
    name = full_name(keyspace, table)
    existing = _columns(session, keyspace, table)
    if not existing:
        _change(session, table.create(name) + (f" WITH compaction = {compaction}" if compaction else ""))
        yield f"table {name} created"
    for column in sorted(table.columns.keys() - existing) if existing else ():
        _change(session, f"ALTER TABLE {name} ADD IF NOT EXISTS {column} {table.columns[column]}")
        yield f"table {name}: column {column} added"
    if compaction and not compaction.items() <= _current_compaction(session, keyspace, table).items():
        _change(session, f"ALTER TABLE {name} WITH compaction = {compaction}")
        yield f"table {name}: compacted by {compaction['class']}"


def _note_hours(session: Session, keyspace: str, lifetime: int) -> None:
    """Fill `spam_caller_hours` from the log, those hours included in which only an older release has written."""
    hours = full_name(keyspace, HOURS)
    insert = _prepare(session, f"INSERT INTO {hours} (caller_id, called_hour) VALUES (?, ?) USING TTL {lifetime}")
    query = f"SELECT DISTINCT caller_id, called_hour FROM {full_name(keyspace, LOG)}"
    for row in session.execute(SimpleStatement(query, fetch_size=PAGE), timeout=READ_TIMEOUT):
        session.execute(insert, row, timeout=CHANGE_TIMEOUT)


def _index_corrections(session: Session, keyspace: str, lifetime: int) -> None:
    """Fill `spam_corrected` from the corrections, those included that an older release has written meanwhile."""
    insert = _prepare(
        session,
        f"INSERT INTO {full_name(keyspace, CORRECTED)} (caller_id, digest, input_sha256, label,"
        f" corrected_at) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ? AND TTL {lifetime}",
    )
    query = SimpleStatement(
        f"SELECT input_sha256, caller_id, input, label, corrected_at FROM {full_name(keyspace, FEEDBACK)}",
        fetch_size=PAGE,
    )
    for key, caller, text, label, at in session.execute(query, timeout=READ_TIMEOUT):
        row = (caller, digest(text), key, label, at, timeuuid.microseconds(at))
        session.execute(insert, row, timeout=CHANGE_TIMEOUT)


def _prepare(session: Session, statement: str) -> PreparedStatement:
    """Prepare a statement on a table that another migration may just have made: a node lists it before it knows it."""
    deadline = time.monotonic() + READ_TIMEOUT
    while True:
        try:
            return session.prepare(statement)
        except InvalidRequest:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _change(session: Session, statement: str) -> None:
    """Change the schema and wait until all nodes agree."""
    response = session.execute_async(statement, host=_coordinator(session), timeout=CHANGE_TIMEOUT)
    response.result()
    if not response.is_schema_agreed:
        raise StoreError("the nodes do not agree on the schema yet: run `python -m bentos migrate` again")


def _coordinator(session: Session) -> Host:
    """The node that every migration asks: the first by id. It makes one change at a time.

    Two nodes that two migrations ask at once could each create a table, under two ids: rows written to one of them
    would be lost.
    """
    deadline = time.monotonic() + CONNECT_TIMEOUT
    while True:
        alive = [host for host in session.cluster.metadata.all_hosts() if host.is_up is not False]
        first = min(alive, key=lambda host: host.host_id)
        connected = session.get_pool_state()
        if first in connected:
            return first
        if time.monotonic() > deadline:
            return min(connected, key=lambda host: host.host_id)
        time.sleep(0.02)  # connections open in the background


def _exists(session: Session, keyspace: str) -> bool:
    query = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s"
    return session.execute(query, [keyspace], timeout=READ_TIMEOUT).one() is not None


def _columns(session: Session, keyspace: str, table: Table) -> set[str]:
    """The names of the columns that the table has; empty when there is no table."""
    query = "SELECT column_name FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    return {name for (name,) in session.execute(query, [keyspace, table.name], timeout=READ_TIMEOUT)}


def _current_compaction(session: Session, keyspace: str, table: Table) -> Mapping[str, str]:
    query = "SELECT compaction FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
    (compaction,) = session.execute(query, [keyspace, table.name], timeout=READ_TIMEOUT).one()
    return {name: value.removeprefix("org.apache.cassandra.db.compaction.") for name, value in compaction.items()}


def _compaction(lifetime: int) -> dict[str, str]:
    """How the table's files are merged. Rows that expire after `lifetime` seconds (0: never) lie together by age, so
    that whole files expire at once.
    """
    if not lifetime:
        return {"class": "SizeTieredCompactionStrategy"}
    hours = max(1, lifetime // WINDOWS // 3600)
    return {
        "class": "TimeWindowCompactionStrategy",
        "compaction_window_unit": "HOURS",
        "compaction_window_size": str(hours),
    }


def _replication(setting: str) -> dict[str, str]:
    """`3` is three replicas in every data centre; `dc1=3,dc2=2` names them."""
    parts = (setting if "=" in setting else f"replication_factor={setting}").split(",")
    factors = {name.strip(): factor.strip() for name, _, factor in (part.partition("=") for part in parts)}
    if not all(name and factor.isdigit() for name, factor in factors.items()):
        raise StoreError(f"CASSANDRA_REPLICATION={setting!r} is neither a factor nor DC=FACTOR,DC=FACTOR")
    return {"class": "NetworkTopologyStrategy", **factors}
