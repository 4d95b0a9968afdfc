"""What the benchmarks measured, and the file that keeps it: docs/benchmarks.json.

A benchmark module gives figures as it measures them. The same figure of another round has the same table, row, subject
and unit; the file has the values of all rounds, and a page tells their median and their spread.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OURS = "ours"


@dataclass(frozen=True)
class Figure:
    """One measured value."""

    table: str  # "training", "in process", "HTTP, SQLite", "HTTP, Cassandra", "memory", "start"
    row: str  # what was asked: "32 clients, not cached, one text"
    subject: str  # who: OURS, "the workshop's API", "mlflow serve, our pyfunc", "MLServer", "a constant, uvicorn", ...
    unit: str  # "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "errors", "ms", "s", "MB"
    value: float


@dataclass(frozen=True)
class Absent:
    """A subject that cannot be measured here, and why, in one sentence."""

    table: str
    subject: str
    why: str


@dataclass(frozen=True)
class Measured:
    """One figure in all rounds."""

    table: str
    row: str
    subject: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The distance from the lowest to the highest round, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


@dataclass
class Part:
    """What one benchmark module measured: `machine` says where, when and of which commit."""

    machine: dict[str, Any]
    figures: list[Measured] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)


def gather(machine: dict[str, Any], given: Iterable[Figure | Absent]) -> Part:
    """The rounds of each figure together, in the order in which each was measured first."""
    rounds: dict[tuple[str, str, str, str], list[float]] = {}
    absent: dict[Absent, None] = {}
    for one in given:
        if isinstance(one, Absent):
            absent[one] = None
        else:
            rounds.setdefault((one.table, one.row, one.subject, one.unit), []).append(one.value)
    return Part(machine, [Measured(*names, values) for names, values in rounds.items()], list(absent))


def read(path: Path) -> dict[str, Part]:
    """The parts in the file by their module's name, "training", "inference" or "http"; none where it is missing."""
    if not path.exists():
        return {}
    return {
        name: Part(
            part["machine"],
            [Measured(**figure) for figure in part["figures"]],
            [Absent(**absent) for absent in part["absent"]],
        )
        for name, part in json.loads(path.read_text()).items()
    }


def write(path: Path, parts: dict[str, Part]) -> None:
    """Keep all parts; a file that is broken off by the end of the process is never left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text("{" + ",".join(f"\n{json.dumps(name)}: {_lines(part)}" for name, part in parts.items()) + "\n}\n")
    new.replace(path)


def _lines(part: Part) -> str:
    """JSON with a figure a line, so that a difference is told by figures."""
    lists = {"figures": part.figures, "absent": part.absent}
    lines = [f'"{name}": [{",".join(chr(10) + json.dumps(asdict(one)) for one in own)}]' for name, own in lists.items()]
    return "{" + ", ".join([f'"machine": {json.dumps(part.machine)}', *lines]) + "}"
