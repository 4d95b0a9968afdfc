"""The tables in Cassandra or Astra DB: what they must be, and the one step that makes them so."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cassandra.cluster import Session
from cassandra.metadata import protect_name
from cassandra.pool import Host

from bentos.settings import Settings
from bentos.store import StoreError
from bentos.store.cassandra.cluster import CONNECT_TIMEOUT, explain, is_astra, keyspace_of, new_cluster

DDL_PATIENCE = 30.0  # seconds that a change of the schema may take
WINDOWS = 30  # into which compaction by time divides a lifetime


@dataclass(frozen=True)
class Table:
    """`keys`: columns of the primary key with their part in it and type; `columns`: the others."""

    name: str
    keys: Mapping[str, tuple[str, str]]
    columns: Mapping[str, str]

    def create(self, name: str) -> str:
        """The statement that creates the table, under its full name, where it is missing."""
        columns = {name: kind for name, (_, kind) in self.keys.items()} | dict(self.columns)
        partition = ", ".join(name for name, (part, _) in self.keys.items() if part == "partition_key")
        clustering = "".join(f", {name}" for name, (part, _) in self.keys.items() if part == "clustering")
        described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return f"CREATE TABLE IF NOT EXISTS {name} ({described}, PRIMARY KEY (({partition}){clustering}))"


CACHE = Table(
    "spam_cache_items",
    {"model_version": ("partition_key", "text"), "input": ("partition_key", "text")},
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
    {
        "caller_id": ("partition_key", "text"),
        "called_hour": ("partition_key", "timestamp"),
        "called_at": ("clustering", "timeuuid"),
    },
    {"input": "text", "model_version": "text", "result": "text", "from_cache": "boolean"},
)
FEEDBACK = Table(  # a partition has the corrections of one text, whose digest is a key however long it is
    "spam_feedback",
    {"input_sha256": ("partition_key", "text"), "caller_id": ("clustering", "text")},
    {"corrected_at": "timeuuid", "input": "text", "label": "text"},
)


def migrate(settings: Settings) -> list[str]:
    """Create the keyspace and the tables, or upgrade older ones; say what was done.

    Adds what is missing and drops nothing. May run as often as one likes, and several times at once. Raises StoreError
    for tables of another shape, or when the database cannot be reached or refuses.
    """
    try:
        cluster = new_cluster(settings)
    except Exception as error:
        raise explain(error, settings) from error
    try:
        return list(_migrate(cluster.connect(), settings))
    except Exception as error:
        raise explain(error, settings) from error
    finally:
        cluster.shutdown()


def check(session: Session, keyspace: str) -> None:
    """Raise StoreError unless the tables are there, with every column and of the right types."""
    for table in (CACHE, LOG, FEEDBACK):
        found = _columns(session, keyspace, table)
        _check_shape(keyspace, table, found)
        if lacking := table.columns.keys() - found.keys():
            what = f"lacks {', '.join(sorted(lacking))}" if found else "does not exist"
            raise StoreError(f"table {keyspace}.{table.name} {what}: run `python -m bentos migrate`")


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
    for table, lifetime in ((CACHE, settings.cache_ttl), (LOG, settings.log_ttl), (FEEDBACK, 0)):
        compaction = None if is_astra(settings) else _compaction(lifetime)  # Astra DB has its own
        changes = list(_migrate_table(session, keyspace, table, compaction))
        yield from changes or [f"table {full_name(keyspace, table)} is up to date"]


def _migrate_table(session: Session, keyspace: str, table: Table, compaction: dict[str, str] | None) -> Iterator[str]:
    name = full_name(keyspace, table)
    found = _columns(session, keyspace, table)
    _check_shape(keyspace, table, found)
    if not found:
        _change(session, table.create(name) + (f" WITH compaction = {compaction}" if compaction else ""))
        yield f"table {name} created"
    for column in sorted(table.columns.keys() - found.keys()) if found else ():
        _change(session, f"ALTER TABLE {name} ADD IF NOT EXISTS {column} {table.columns[column]}")
        yield f"table {name}: column {column} added"
    if compaction and not compaction.items() <= _current_compaction(session, keyspace, table).items():
        _change(session, f"ALTER TABLE {name} WITH compaction = {compaction}")
        yield f"table {name}: compacted by {compaction['class']}"


def _change(session: Session, statement: str) -> None:
    """Change the schema and wait until all nodes agree."""
    response = session.execute_async(statement, host=_coordinator(session), timeout=DDL_PATIENCE)
    response.result()
    if not response.is_schema_agreed:
        raise StoreError("the nodes do not agree on the schema yet: run `python -m bentos migrate` again")


def _coordinator(session: Session) -> Host:
    """The node that every migration asks, the first by id, which makes one change at a time.

    Asked by two migrations at once, two nodes could each create a table, under two ids: rows written to one of them
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
    return session.execute(query, [keyspace], timeout=10).one() is not None


def _columns(session: Session, keyspace: str, table: Table) -> dict[str, tuple[str, str, int, str]]:
    """Name -> (part in the key, type, position, order) of the columns there are; empty when there is no table."""
    query = (
        "SELECT column_name, kind, type, position, clustering_order FROM system_schema.columns"
        " WHERE keyspace_name = %s AND table_name = %s"
    )
    return {name: tuple(rest) for name, *rest in session.execute(query, [keyspace, table.name], timeout=10)}


def _current_compaction(session: Session, keyspace: str, table: Table) -> Mapping[str, str]:
    query = "SELECT compaction FROM system_schema.tables WHERE keyspace_name = %s AND table_name = %s"
    (compaction,) = session.execute(query, [keyspace, table.name], timeout=10).one()
    return {name: value.removeprefix("org.apache.cassandra.db.compaction.") for name, value in compaction.items()}


def _check_shape(keyspace: str, table: Table, found: Mapping[str, tuple[str, str, int, str]]) -> None:
    """Raise StoreError when what is there can never become this table."""
    if not found:
        return
    key = {name: (part, kind) for name, (part, kind, *_) in sorted(found.items(), key=_place) if part in PARTS}
    descending = [name for name, (*_, order) in found.items() if order == "desc"]
    others = {name for name in table.columns if name in found and found[name][:2] != ("regular", table.columns[name])}
    if list(key.items()) != list(table.keys.items()) or descending or others:
        described = ", ".join(f"{name} {kind} {part}" for name, (part, kind, *_) in sorted(found.items(), key=_place))
        raise StoreError(
            f"table {keyspace}.{table.name} has another shape ({described}): name another keyspace, or rename the table"
        )


PARTS = ("partition_key", "clustering")


def _place(column: tuple[str, tuple[str, str, int, str]]) -> tuple[int, int, str]:
    name, (part, _, position, _) = column
    return (PARTS.index(part) if part in PARTS else len(PARTS), position, name)


def _compaction(lifetime: int) -> dict[str, str]:
    """Rows that expire (after `lifetime` seconds) lie together by age: whole files expire at once. 0 is for ever."""
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
    named = [
        part.partition("=") for part in (setting if "=" in setting else f"replication_factor={setting}").split(",")
    ]
    factors = {name.strip(): factor.strip() for name, _, factor in named}
    if not all(name and factor.isdigit() for name, factor in factors.items()):
        raise StoreError(f"CASSANDRA_REPLICATION={setting!r} is neither a factor nor DC=FACTOR,DC=FACTOR")
    return {"class": "NetworkTopologyStrategy", **factors}
