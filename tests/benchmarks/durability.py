"""`python -m tests.benchmarks.durability`: is every answered call in the log, whatever is killed meanwhile?

Clients keep the `id` of each answer while worker, follower and supervisor are killed with SIGKILL, one after the other,
and the disk is full for a while (a limit on the size of the files that the workers write). With `--cassandra` the node
is killed, too. At the end the ids are looked for in the log. The exit status is 1 when an answered call is missing or
was logged twice. `--control` runs a store that acknowledges before it writes; then it is 1 when no call is missing.
"""

import argparse
import itertools
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx

from bentos.settings import Settings
from bentos.store.cassandra.schema import migrate
from tests.cassandra.client import session_of, settings_for
from tests.cassandra.jars import jars
from tests.cassandra.ring import Ring
from tests.server import Server, client
from tests.system.tools import Threads, follower_of, process_tree, running, wait_until
from tests.toyregistry import make_registry

LONGEST = 60.0  # seconds of load
QUIET = 2.0  # seconds between two harms
FULL = 2.0  # seconds that the disk is full
LIST = 20  # texts of a call of every fourth client
RETRY = 0.05  # seconds after a call that failed
DRAINED = 30.0  # seconds that the outbox may take to empty


@dataclass(frozen=True)
class Counted:
    """Answered texts, those of them that are not in the log, and texts that are in it more than once."""

    answered: int
    missing: int
    doubled: int


def count(answered: Iterable[UUID], logged: Iterable[tuple[UUID, str]]) -> Counted:
    """`logged` has the id and the text of each row. Every text was sent once, so that two rows of one are too many."""
    ids, rows = set(answered), list(logged)
    texts = Counter(text for _, text in rows)
    return Counted(len(ids), len(ids - {row for row, _ in rows}), sum(many > 1 for many in texts.values()))


class Clients(Threads):
    """Threads that send texts, none of them twice, while a `with` lasts. `ids` are those of the answers."""

    def __init__(self, url: str, many: int) -> None:
        self.url = url
        self.ids: list[UUID] = []
        self.failed: Counter[str] = Counter()  # by status, or by the error's name
        super().__init__(range(many))

    def _call(self, n: int) -> None:
        with client(self.url, f"127.3.0.{n + 1}") as calling:
            for i in itertools.count():
                if self._over.is_set():
                    return
                texts = [f"{n} {i} {j} free lunch" for j in range(1 if n % 4 else LIST)]
                try:
                    response = calling.post("/predictions", json={"texts": texts}, timeout=20)
                    response.raise_for_status()
                    self.ids += [UUID(answer["id"]) for answer in response.json()]
                except httpx.HTTPStatusError:
                    self.failed[str(response.status_code)] += 1
                    self._over.wait(RETRY)
                except httpx.TransportError as error:
                    self.failed[type(error).__name__] += 1
                    self._over.wait(RETRY)


class Harm:
    """Does to a service what a machine may do to it, one thing after the other, and counts it."""

    def __init__(self, start: Callable[[], Server], ring: Ring | None) -> None:
        self.server = start().__enter__()
        self.done: Counter[str] = Counter()
        self._start = start
        self._ring = ring

    def work(self, seconds: float) -> None:
        """Each harm in turn, until the time is over, and each at least once."""
        harms = [self.worker, self.disk, self.follower, self.supervisor, *([self.node] if self._ring else [])]
        end = time.monotonic() + seconds
        for i, harm in enumerate(itertools.cycle(harms)):
            if i >= len(harms) and time.monotonic() > end:
                return
            time.sleep(QUIET)
            harm()
            self.done[harm.__name__] += 1
            wait_until(self._answers)

    def worker(self) -> None:
        before = self.server.workers()
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: set(self.server.workers()) - set(before))

    def disk(self) -> None:
        """No file of the workers may grow beyond what the largest one has."""
        for worker in self.server.workers():
            _limit_files(worker, max(file.stat().st_size for file in self.server.folder.glob("*.db*")) + 1)
        time.sleep(FULL)
        for worker in self.server.workers():
            _limit_files(worker, resource.RLIM_INFINITY)

    def follower(self) -> None:
        os.kill(wait_until(lambda: follower_of(self.server)), signal.SIGKILL)

    def supervisor(self) -> None:
        """The workers end by themselves; then the service is started again."""
        pids = process_tree(self.server.process.pid)
        self.server.process.kill()
        self.server.process.wait()
        wait_until(lambda: not running(pids))
        self.server = self._start().__enter__()

    def node(self) -> None:
        self._ring.kill(1)
        time.sleep(QUIET)
        self._ring.start(1)

    def _answers(self) -> bool:
        try:
            return self.server.get("/readyz").is_success
        except httpx.TransportError:
            return False


def _limit_files(pid: int, size: int) -> None:
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def logged_in(settings: Settings) -> list[tuple[UUID, str]]:
    """The id and the text of every row of the log."""
    if settings.cassandra_contact_points:
        with session_of(settings) as session:
            return list(map(tuple, session.execute("SELECT called_at, input FROM spam_calls_per_caller")))
    with closing(sqlite3.connect(settings.sqlite_path)) as db:
        rows = db.execute("SELECT called_at, input FROM spam_calls_per_caller").fetchall()
    return [(UUID(bytes=called_at), text) for called_at, text in rows]


@contextmanager
def store(folder: Path, cassandra: bool) -> Iterator[tuple[Settings, Ring | None]]:
    """The settings of the store, and the node that it is on, which runs meanwhile."""
    if not cassandra:
        yield Settings(_env_file=None, sqlite_path=folder / "spam.db"), None
        return
    with Ring(folder / "cassandra", jars()) as ring:
        settings = settings_for(ring, "durability", folder)
        migrate(settings)
        yield settings, ring


def run(seconds: float, clients: int, cassandra: bool, control: bool) -> bool:
    """Print what happened; return whether it is what should have happened."""
    with tempfile.TemporaryDirectory() as scratch, store(Path(scratch), cassandra) as (settings, ring):
        folder, port = Path(scratch), None
        (folder / "registry").mkdir()
        environment = {
            "MLFLOW_TRACKING_URI": make_registry(folder / "registry"),
            "WORKERS": "2",
            "SPOOL_PATH": str(settings.spool_path),
            "CASSANDRA_CONTACT_POINTS": settings.cassandra_contact_points,
            "CASSANDRA_PORT": str(settings.cassandra_port),
            "CASSANDRA_KEYSPACE": settings.cassandra_keyspace,
        }
        tag = "tests.benchmarks.early:SpamService" if control else "."

        def start() -> Server:
            nonlocal port
            server = Server(folder, tag, port=port, **environment)
            port = server.port
            return server

        harm = Harm(start, ring)
        try:
            print(f"{seconds:.0f} s of load, {clients} clients, on {'Cassandra' if ring else 'SQLite'}", flush=True)
            with Clients(harm.server.url, clients) as load:
                harm.work(seconds)
            wait_until(lambda: not harm.server.get("/").json()["store"].get("spooled"), DRAINED)
        finally:
            harm.server.stop()
        counted = count(load.ids, logged_in(settings))
    return _tell(counted, load, harm, control)


def _tell(counted: Counted, load: Clients, harm: Harm, control: bool) -> bool:
    print("harmed:", ", ".join(f"{name} {times} x" for name, times in harm.done.items()))
    print("calls not answered:", ", ".join(f"{many} {why}" for why, many in load.failed.items()) or "none")
    print(f"texts answered {counted.answered}, missing {counted.missing}, doubled {counted.doubled}")
    if control:
        print(
            "the control lost calls, as it must"
            if counted.missing
            else "the control lost nothing: this measures nothing"
        )
        return counted.missing > 0
    return counted.answered > 0 and not (counted.missing or counted.doubled)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.durability", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=30.0, help=f"of load, {LONGEST:.0f} at most (default: 30)")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--cassandra", action="store_true", help="a node of its own as the store, else SQLite")
    parser.add_argument("--control", action="store_true", help="a store that acknowledges before it writes")
    wanted = vars(parser.parse_args())
    if wanted["seconds"] > LONGEST:
        parser.error(f"--seconds can be {LONGEST:.0f} at most")
    sys.exit(not run(**wanted))


if __name__ == "__main__":
    main()
