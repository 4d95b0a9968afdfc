"""The service over HTTP beside what people would use instead, and beside the floors.

In each round every subject is started anew, in turn, and measured alone; node, subject and load generator share the
machine. What no subject is good for is left out: one that caches nothing has no cached rows, and one that answers less
than twenty requests a second is not asked by 256 clients. The node has both compilers of the JVM, as Cassandra has with
its users, and rounds that do not count go before, until the compilers are quiet.
"""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from registry.model.tokenizer import Tokenizer
from tests.benchmarks.load import Answered, Load, put
from tests.benchmarks.messages import messages, requests
from tests.benchmarks.node import Node, node
from tests.benchmarks.peers import mlflow_serve, mlserver, workshop
from tests.benchmarks.peers.floors import UVICORN, floors
from tests.benchmarks.peers.ours import ours
from tests.benchmarks.peers.served import Peer, PeerError, Served
from tests.benchmarks.results import OURS, Absent, Figure
from tests.cassandra.config import Options
from tests.cassandra.jars import MissingToolError

SQLITE, CASSANDRA, MEMORY, START, GENERATOR = "HTTP, SQLite", "HTTP, Cassandra", "memory", "start", "load generator"
FIRST_ANSWER, RESIDENT, SHARED_ONCE = "first answer", "resident, all processes", "the same, shared pages once"
BUILD = Path("build/bench").absolute()
WARM = 3.0  # seconds for each row of a round that does not count
QUIET = 0.02  # of a core: what the database's compilers take when they have compiled what runs often
COMPILE_LIMIT = 600.0  # seconds that they are waited for
LEAST = 20  # requests of a row, however slow the subject is


class Row(NamedTuple):
    """What is asked, by how many clients. `paced`: at half the rate that they reached as fast as they could."""

    clients: int
    cached: bool
    texts: int = 1
    paced: bool = False

    @property
    def name(self) -> str:
        clients = f"{self.clients} client{'s' * (self.clients > 1)}{', paced' * self.paced}"
        texts = "one text" if self.texts == 1 else f"{self.texts:,} texts"
        return f"{clients}, {'' if self.cached else 'not '}cached, {texts}"


ROWS = [Row(clients, cached) for cached in (True, False) for clients in (1, 32, 256)]
ROWS += [Row(32, cached, paced=True) for cached in (True, False)]  # behind the rows whose rate they need
ROWS += [Row(1, cached, texts) for cached in (True, False) for texts in (32, 1_000)]
ROWS += [Row(32, False, 32)]


def rows_of(peer: Peer) -> list[Row]:
    """Those of `ROWS` that the peer can do."""

    def can(row: Row) -> bool:
        if row.cached:
            return peer.caches and (row.texts == 1 or peer.many is not None)
        if row.texts > 1:
            return peer.many is not None and (not peer.slow or (row.texts, row.clients) == (32, 1))
        return not (peer.slow and row.clients > 32)

    return [row for row in ROWS if can(row)]


def measure(seconds: float = 2.0, rounds: int = 3) -> Iterator[Figure | Absent]:
    """Figures of all subjects, of one round after the other; `seconds` for each row."""
    texts, numbers = messages(), count(1)
    with ExitStack() as stack:
        peers, absent, database = _peers(stack, texts)
        yield from absent
        if database:
            _let_compile(database, [peer for peer in peers if peer.table == CASSANDRA], texts, numbers)
        for number in range(rounds):
            for peer in peers[:: -1 if number % 2 else 1]:
                try:
                    yield from _one_round(peer, texts, seconds, numbers)
                except PeerError as error:
                    yield Absent(peer.table, peer.name, f"{error}")
                    peers.remove(peer)


def _peers(stack: ExitStack, texts: list[str]) -> tuple[list[Peer], list[Absent], Node | None]:
    """All that can be measured here, what cannot, and the database of those on Cassandra."""
    workshop.prepare(BUILD / "workshop")
    tokenizer = Tokenizer.from_json((workshop.TRAINED / "tokenizer.json").read_text())
    peers, absent, database = [ours(SQLITE)], [], None
    try:
        database = stack.enter_context(node(Options(second_compiler=True)))
        workshop.fill(texts, database.settings)
        peers.append(ours(CASSANDRA, **database.settings))
        peers.append(workshop.workshop(CASSANDRA, BUILD / "workshop", database.settings))
    except MissingToolError as error:
        absent += [Absent(CASSANDRA, name, f"Cassandra cannot run here: {error}") for name in (OURS, workshop.NAME)]
    peers += [mlflow_serve.pyfunc(SQLITE), mlflow_serve.tensorflow(SQLITE, BUILD / "workshop/mlflow", tokenizer)]
    try:
        mlserver.prepare(BUILD / "mlserver")
        peers.append(mlserver.mlserver(SQLITE, BUILD / "mlserver"))
    except PeerError as error:
        absent.append(Absent(SQLITE, mlserver.NAME, str(error)))
    return [*peers, *floors(SQLITE)], absent, database


def _let_compile(database: Node, peers: list[Peer], texts: list[str], numbers: count) -> None:
    """Rounds that do not count, until the database's JVM has compiled what runs often, which takes minutes.

    While it compiles, it takes up to half a core from everybody else.
    """
    share, give_up = 1.0, time.monotonic() + COMPILE_LIMIT
    while share > QUIET and time.monotonic() < give_up:
        began, before = time.monotonic(), database.compiling()
        for peer in peers:
            with suppress(PeerError):  # the first round that counts tells it
                deque(_one_round(peer, texts, WARM, numbers), maxlen=0)
        share = (database.compiling() - before) / (time.monotonic() - began)
        print(f"\nCassandra warms up: its compilers took {share:.1%} of a core", end="", flush=True)


def _one_round(peer: Peer, texts: list[str], seconds: float, numbers: count) -> Iterator[Figure]:
    """Start the peer, measure all its rows, and what memory it has then."""
    name = f"{peer.name}, Cassandra" if peer.table == CASSANDRA and peer.name == OURS else peer.name
    with tempfile.TemporaryDirectory() as folder, Served(peer, Path(folder)) as served:
        yield Figure(START, FIRST_ANSWER, name, "s", served.seconds)

        def load(row: Row, seconds: float, rate: float | None = None) -> Answered:
            asked = requests(peer, texts, row.texts, row.cached)
            bodies = [request.body for request in asked]
            numbered = next(numbers)
            return put(Load(served.port, asked[0].path, bodies, row.clients, seconds, numbered, rate, least=LEAST))

        if peer.many and peer.caches:
            served.ask(peer.many(texts))
        yield from _rows(peer, seconds, load)
        memory = served.memory()
        yield Figure(MEMORY, RESIDENT, name, "MB", memory.rss)
        yield Figure(MEMORY, SHARED_ONCE, name, "MB", memory.pss)


def _rows(peer: Peer, seconds: float, load: Callable[..., Answered]) -> Iterator[Figure]:
    reached: dict[Row, float] = {}
    for row in rows_of(peer):
        rate = None
        if row.paced:
            rate = reached.get(row._replace(paced=False), 0.0) / 2
            if not rate:  # it failed under the load of the closed loop
                continue
        answered = load(row, max(seconds, LEAST / rate) if rate else seconds, rate)
        reached[row] = answered.per_second
        yield from figures(peer, row, answered)


def figures(peer: Peer, row: Row, answered: Answered) -> Iterator[Figure]:
    """A row with errors has no other figure: failures are answered quickly."""
    yield Figure(peer.table, row.name, peer.name, "errors", answered.errors)
    if answered.errors:
        return
    values = {
        "requests/s": answered.per_second,
        "p50 ms": answered.p50,
        "p99 ms": answered.p99,
        "p99.9 ms": answered.p999,
    }
    for unit, value in values.items():
        if value is not None:
            yield Figure(peer.table, row.name, peer.name, unit, value)
    if peer.name == UVICORN:
        yield Figure(GENERATOR, row.name, "the generator", "µs of a core a request", answered.cpu)
