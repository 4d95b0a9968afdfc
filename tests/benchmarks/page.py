"""The page of the benchmarks, docs/benchmarks.md: written of the figures that are kept, and of nothing else."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import inference, machine, training
from tests.benchmarks.aims import Aim, aims
from tests.benchmarks.figures import Figures
from tests.benchmarks.http import CASSANDRA, FIRST_ANSWER, GENERATOR, MEMORY, RESIDENT, SHARED_ONCE, SQLITE, START, Row
from tests.benchmarks.peers.floors import BENTOML, UVICORN
from tests.benchmarks.peers.mlflow_serve import PYFUNC, TENSORFLOW
from tests.benchmarks.peers.mlserver import NAME as MLSERVER
from tests.benchmarks.peers.workshop import NAME as WORKSHOP
from tests.benchmarks.results import OURS, Measured, Part

OF_HTTP = (SQLITE, CASSANDRA, MEMORY, START, GENERATOR)
RATE, P50, P99, P999 = "requests/s", "p50 ms", "p99 ms", "p99.9 ms"

INTRODUCTION = """\
# Benchmarks

Written by `make bench`, which measures everything side by side on one machine: do not edit it.
[benchmarks.json](benchmarks.json) has all figures.

- `make bench` takes about 50 minutes on 2 cores. `python -m tests.benchmarks --only http --seconds 5 --rounds 5`
  measures one part anew, for longer; `--page` only writes this page. What cannot run on a machine is named below.
- The subjects of a table take turns in several rounds of one run. A figure is the median of the rounds; ± is half of
  what lies between the lowest and the highest, in percent of the median.
- **(3.1x)** says that ours is 3.1 times as good: as many requests a second, or that part of the time or the memory.
  Below 1 the other is better.
- Subject, Cassandra node and load generator share the cores. Every service has one worker. Before the first round, load
  that does not count is put on the node until its compiler is quiet, for ten minutes at most.
- At full load a client sends the next request when the last is answered. A paced load is half of that rate, and its
  latency counts from the moment a request was due, also while its connection was busy: a stall counts for all that it
  delayed.
- A row with a failed request has no other figure than the number of these.
"""
WHO = {
    OURS: "`bentoml serve` as `make up` serves it: three versions, the champion answers, every call is logged",
    WORKSHOP: "some lines the workshop's way: FastAPI, synchronous routes, `model.predict` of its network padded to "
    "300 tokens, cqlengine; it reads and writes the cache, and logs every call",
    PYFUNC: "`mlflow models serve` of the same champion; neither cache nor log",
    TENSORFLOW: "the workshop's network, logged as MLflow logs a Keras model; its client sends ids",
    MLSERVER: "with its MLflow runtime, serving the same champion; neither cache nor log",
    BENTOML: "an answer that costs nothing, from FastAPI mounted in BentoML as it comes",
    UVICORN: "the same from FastAPI on uvicorn, without an access log",
}
WHEN = ("date", "commit", "load before", machine.SPEED)  # of the machine's facts, those that differ from part to part
NOTES = {training.TABLE: training.NOTE, inference.TABLE: inference.NOTE}  # below the headings of these tables


class Line(NamedTuple):
    """A subject in a table of the page; it is compared with ours on the same store."""

    table: str
    subject: str
    cached: bool = False

    @property
    def heading(self) -> str:
        stores = self.table if self.subject in (OURS, WORKSHOP) else ""
        return f"{'cached: ' * self.cached}{self.subject}{' on '.join(['', *stores.split('HTTP, ')[1:]])}"


class Column(NamedTuple):
    heading: str
    row: str
    unit: str
    compared: bool = True


def page(parts: dict[str, Part], picture: Path) -> str:
    figures = Figures(parts.values())
    sections = [INTRODUCTION, *_reached(aims(figures))]
    if "http" in parts:
        sections += [f"![Requests a second of all subjects, on a logarithmic scale]({picture})\n", *_http(figures)]
    sections += [section for table in _tables(parts) for section in _any(figures, table)]
    return "\n".join([*sections, *_absent(parts), *_machines(parts)])


def number(value: float) -> str:
    """Three digits, or all of a large number."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cell(figures: Figures, table: str, subject: str, column: Column) -> str:
    """The median with its spread, and how many times as good ours is."""
    if errors := figures.errors(table, column.row, subject):
        return f"{errors:,} failed"
    found = figures.find(table, column.row, subject, column.unit)
    if found is None:
        return ""
    spread = f" ±{found.spread * 50:.0f} %" if len(found.values) > 1 else ""
    return number(found.median) + spread + (_times(figures, found) if subject != OURS and column.compared else "")


def _times(figures: Figures, found: Measured) -> str:
    ratio = figures.ratio(found.table, found.row, found.subject, found.unit)
    return f" ({number(ratio) if ratio >= 10 else f'{ratio:.2g}'}x)" if ratio else ""


def grid(figures: Figures, lines: Iterable[Line], columns: Callable[[bool], Sequence[Column]]) -> str:
    """A row for each line that has any figure; `columns` are those of what is cached, or of what is not."""
    rows = []
    for line in lines:
        cells = [cell(figures, line.table, line.subject, column) for column in columns(line.cached)]
        if any(cells):
            rows.append([line.heading, *cells])
    return _table(["", *(column.heading for column in columns(False))], rows)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in row)}|\n" for row in rows)


def _reached(found: Sequence[Aim]) -> Iterator[str]:
    yield "## What was to be reached\n"
    words = {True: "reached", False: "**not reached**", None: "not measured"}
    lines = []
    for aim in found:
        bound = f"{'at least' if aim.least else 'at most'} {number(aim.bound)}{_unit(aim.unit)}"
        value = "" if aim.value is None else f"{number(aim.value)}{_unit(aim.unit)}"
        lines.append([aim.text, bound, value, words[aim.reached]])
    yield _table(["", "aim", "measured", ""], lines)


def _unit(unit: str) -> str:
    return unit if unit == "x" else f" {unit}"


def _http(figures: Figures) -> Iterator[str]:
    yield "## Over HTTP\n"
    yield _table(["who", "what"], WHO.items())
    lines = _lines(figures)
    yield "### Requests a second, of one text each\n"
    yield grid(figures, lines, _clients)
    yield "### Milliseconds of one text at 32 clients, at full load\n"
    yield grid(figures, lines, lambda cached: _latencies(Row(32, cached)))
    yield "### Milliseconds of one text at 32 clients, paced\n"
    yield grid(figures, lines, lambda cached: _latencies(Row(32, cached, paced=True)))
    yield "### Milliseconds of a list of texts, the median\n"
    yield grid(figures, lines, _lists)
    yield _failures(figures, lines)
    yield "### Start and memory\n"
    yield _start_and_memory(figures)
    yield _generator(figures)


def _lines(figures: Figures) -> list[Line]:
    """Ours and the workshop's on each store, then the others, then what is cached."""
    lines = [Line(table, subject) for table in (SQLITE, CASSANDRA) for subject in figures.subjects(table)]
    lines.sort(key=lambda line: line.subject not in (OURS, WORKSHOP))
    return lines + [line._replace(cached=True) for line in lines]


def _failures(figures: Figures, lines: Iterable[Line]) -> str:
    failed = sum(
        figures.errors(table, row, subject)
        for table, subject in {line[:2] for line in lines}
        for row in figures.rows(table)
    )
    return f"{failed:,} requests failed.\n" if failed else "No request failed.\n"


def _clients(cached: bool) -> list[Column]:
    return [Column(f"{n} client{'s' * (n > 1)}", Row(n, cached).name, RATE) for n in (1, 32, 256)]


def _latencies(row: Row) -> list[Column]:
    rate = [Column("requests/s", row.name, RATE, compared=False)] if row.paced else []  # its own
    return rate + [Column(unit.removesuffix(" ms"), row.name, unit) for unit in (P50, P99, P999)]


def _lists(cached: bool) -> list[Column]:
    rows = [Row(1, cached, 32), Row(1, cached, 1_000), Row(32, cached, 32)]
    return [
        Column(f"{row.texts:,} texts, {row.clients} client{'s' * (row.clients > 1)}", row.name, P50) for row in rows
    ]


def _start_and_memory(figures: Figures) -> str:
    columns = [
        Column("first answer, s", FIRST_ANSWER, "s"),
        Column("resident, all processes, MB", RESIDENT, "MB"),
        Column("shared pages once, MB", SHARED_ONCE, "MB"),
    ]
    lines = []
    for subject in figures.subjects(START):
        cells = [cell(figures, START if column.unit == "s" else MEMORY, subject, column) for column in columns]
        lines.append([subject, *cells])
    return _table(["", *(column.heading for column in columns)], lines)


def _generator(figures: Figures) -> str:
    """What the load generator adds to what it measures."""
    row = Row(32, False)
    unit = "µs of a core a request"
    full, paced = (
        figures.median(GENERATOR, one.name, "the generator", unit) for one in (row, row._replace(paced=True))
    )
    rate = figures.median(SQLITE, row.name, UVICORN, RATE)
    if not full or not paced or not rate:
        return ""
    return (
        f"The load generator takes {full:.0f} µs of a core for a request at full load, where uvicorn's constant takes "
        f"{1e6 / rate:,.0f} µs in all. A paced request takes it {paced:.0f} µs, which its latency contains.\n"
    )


def _tables(parts: dict[str, Part]) -> list[str]:
    """Those of other parts than HTTP."""
    tables = dict.fromkeys(figure.table for part in parts.values() for figure in part.figures)
    return [table for table in tables if table not in OF_HTTP]


def _any(figures: Figures, table: str) -> Iterator[str]:
    """Subjects across where they are few; else down, and a grid for each group of rows that begin with one word."""
    yield f"## {table[0].upper()}{table[1:]}\n"
    yield from [NOTES[table]] if table in NOTES else []
    rows, subjects = figures.rows(table), figures.subjects(table)
    units = {row: _unit_of(figures, table, row) for row in rows}
    if len(subjects) <= 3:
        lines = [
            [f"{row}, {units[row]}", *(cell(figures, table, who, Column("", row, units[row])) for who in subjects)]
            for row in rows
        ]
        yield _table(["", *subjects], lines)
        return
    for group in dict.fromkeys(row.partition(", ")[0] for row in rows):
        columns = [
            Column(f"{row.partition(', ')[2]}, {units[row]}", row, units[row])
            for row in rows
            if row.partition(", ")[0] == group
        ]
        yield f"{group}:\n"
        yield grid(figures, [Line(table, subject) for subject in subjects], lambda _, columns=columns: columns)


def _unit_of(figures: Figures, table: str, row: str) -> str:
    """The unit of the row's figures; "errors" where all failed."""
    units = [unit for unit in figures.units(table) if unit != "errors"]
    found = (unit for unit in units if any(figures.find(table, row, who, unit) for who in figures.subjects(table)))
    return next(found, "errors")


def _absent(parts: dict[str, Part]) -> Iterator[str]:
    absent = [one for part in parts.values() for one in part.absent]
    if absent:
        yield "## What could not be measured here\n"
        yield "".join(f"- {one.subject} ({one.table}): {one.why.rstrip('.')}.\n" for one in absent)


def _machines(parts: dict[str, Part]) -> Iterator[str]:
    """Each machine with its versions once, and what was measured there."""
    yield "## Where and when\n"
    measured: dict[tuple[str, str], list[str]] = {}
    for name, part in parts.items():
        when = {what: value for what, value in part.machine.items() if what in WHEN}
        where = {what: value for what, value in part.machine.items() if what not in (*WHEN, "versions")}
        same = measured.setdefault((_listed(where), _listed(part.machine["versions"])), [])
        same.append(f"- {name}: {_listed(when)}\n")
    for (where, versions), lines in measured.items():
        yield f"On {where}; {versions}:\n"
        yield "".join(lines)


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{what} {value}" for what, value in facts.items())
