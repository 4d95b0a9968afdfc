"""What may wait in the spool, and how it lies in the spool's file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from bentos.store import Call, Correction

T = TypeVar("T")


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A queue of its own: `columns` of its table, with their types; a row's values out of a T, and back."""

    table: str
    columns: dict[str, str]
    row: Callable[[T], tuple[Any, ...]]
    read: Callable[..., T]

    @property
    def create(self) -> str:
        columns = ", ".join(f"{name} {kind} NOT NULL" for name, kind in self.columns.items())
        return f"CREATE TABLE IF NOT EXISTS {self.table} (id INTEGER PRIMARY KEY AUTOINCREMENT, {columns})"

    @property
    def insert(self) -> str:
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({', '.join('?' * len(self.columns))})"

    @property
    def oldest(self) -> str:
        return f"SELECT id, {', '.join(self.columns)} FROM {self.table} ORDER BY id LIMIT ?"


def _call(caller: str, at: bytes, text: str, model_version: str, result: str, hit: int) -> Call:
    return Call(caller, UUID(bytes=at), text, model_version, result, bool(hit))


def _correction(caller: str, at: bytes, text: str, label: str) -> Correction:
    return Correction(caller, UUID(bytes=at), text, label)


CALLS = Kind[Call](
    "waiting_calls",
    {
        "caller_id": "TEXT",
        "called_at": "BLOB",
        "input": "TEXT",
        "model_version": "TEXT",
        "result": "TEXT",
        "from_cache": "INTEGER",
    },
    lambda call: (call.caller_id, call.called_at.bytes, call.input, call.model_version, call.result, call.from_cache),
    _call,
)
CORRECTIONS = Kind[Correction](
    "waiting_corrections",
    {"caller_id": "TEXT", "corrected_at": "BLOB", "input": "TEXT", "label": "TEXT"},
    lambda found: (found.caller_id, found.corrected_at.bytes, found.input, found.label),
    _correction,
)
KINDS = (CALLS, CORRECTIONS)
