"""What the project set out to reach, and whether the figures that are kept reach it."""

from collections.abc import Iterator
from typing import NamedTuple

from tests.benchmarks.figures import Figures
from tests.benchmarks.http import CASSANDRA, FIRST_ANSWER, MEMORY, RESIDENT, SQLITE, START, Row
from tests.benchmarks.memory import TABLE as LONGER
from tests.benchmarks.memory import VERSIONS, after, serving
from tests.benchmarks.peers import floors, mlflow_serve, mlserver, workshop
from tests.benchmarks.results import OURS

RATE = "requests/s"


class Aim(NamedTuple):
    """`value` is None where the figures for it are missing. `least`: it is to be at least `bound`, else at most."""

    text: str
    value: float | None
    bound: float
    unit: str = "x"
    least: bool = True

    @property
    def reached(self) -> bool | None:
        if self.value is None:
            return None
        return self.value >= self.bound if self.least else self.value <= self.bound


def aims(figures: Figures) -> list[Aim]:
    return [*_throughput(figures), *_latency(figures), *_footprint(figures)]


def _throughput(figures: Figures) -> Iterator[Aim]:
    def times(clients: int, cached: bool, subject: str, table: str = SQLITE, ours_in: str | None = None):
        return figures.ratio(table, Row(clients, cached).name, subject, RATE, ours_in)

    def many(clients: int) -> str:
        return f"{clients} client{'s' * (clients > 1)}"

    for cached, bounds in ((True, (3, 6)), (False, (30, 70))):
        for clients, bound in zip((1, 32), bounds, strict=True):
            what = f"on Cassandra, {'' if cached else 'not '}cached, {many(clients)}, against {workshop.NAME}"
            yield Aim(what, times(clients, cached, workshop.NAME, CASSANDRA), bound)
    for clients in (1, 32):
        what = f"on SQLite, not cached, {many(clients)}, against {workshop.NAME} on Cassandra"
        yield Aim(what, times(clients, False, workshop.NAME, CASSANDRA, ours_in=SQLITE), 100)
    for subject, bound in ((mlflow_serve.PYFUNC, 1.5), (mlflow_serve.TENSORFLOW, 50), (mlserver.NAME, 2)):
        for clients in (1, 32):
            what = f"on SQLite, not cached, {many(clients)}, against {subject}"
            yield Aim(what, times(clients, False, subject), bound)
    for cached in (True, False):
        constant = figures.median(SQLITE, Row(32, False).name, floors.BENTOML, RATE)
        ours = figures.median(SQLITE, Row(32, cached).name, OURS, RATE)
        what = f"on SQLite, {'' if cached else 'not '}cached, 32 clients, against {floors.BENTOML}"
        yield Aim(what, ours / constant if ours and constant else None, 1)


def _latency(figures: Figures) -> Iterator[Aim]:
    for table in (SQLITE, CASSANDRA):
        for cached in (True, False):
            row = Row(32, cached)
            p50, p99 = (figures.median(table, row.name, OURS, unit) for unit in ("p50 ms", "p99 ms"))
            what = f"p99 as a multiple of p50: {table.removeprefix('HTTP, ')}, {row.name}"
            yield Aim(what, p99 / p50 if p50 and p99 else None, 2, least=False)
    many = figures.median(SQLITE, Row(1, False, 1_000).name, OURS, "p50 ms")
    yield Aim("a list of 1,000 texts, not cached", many, 150, "ms", least=False)


def _footprint(figures: Figures) -> Iterator[Aim]:
    memory = figures.median(MEMORY, RESIDENT, OURS, "MB")
    yield Aim("memory of all processes", memory, 350, "MB", least=False)
    yield Aim("from the start to the first answer", figures.median(START, FIRST_ANSWER, OURS, "s"), 3, "s", False)
    first, last = (figures.median(LONGER, after(many), OURS, "MB") for many in (100_000, 1_000_000))
    what = "memory after 1,000,000 requests, as a multiple of that after 100,000"
    yield Aim(what, last / first if first and last else None, 1.05, least=False)
    one, many = (figures.median(LONGER, serving(count), OURS, "MB") for count in VERSIONS)
    yield Aim(f"{VERSIONS[-1]} versions instead of one", many - one if one and many else None, 200, "MB more", False)
    whole = [row for row in figures.rows("training") if row.startswith("the whole training of `workshop`")]
    others = [subject for subject in figures.subjects("training") if subject != OURS]
    ratios = [figures.ratio("training", row, other, "s") for row in whole for other in others]
    yield Aim("training, against the same network unmasked and padded", next(filter(None, ratios), None), 20)
