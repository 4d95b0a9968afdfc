"""One side of a comparison of two commits: its tree of files, the service started from it, and what is measured there.

Both sides have this environment's packages, this tree's registry with the same versions, and no `.env`. The load
generator and all that measures are this tree's.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from registry.settings import RegistrySettings
from tests.benchmarks.load import NUMBER, Load, put
from tests.benchmarks.peers.ours import ours
from tests.benchmarks.peers.served import PeerError, Served
from tests.project import ROOT

WARM = 0.5  # seconds of load on a new service before anything is measured
LIST = 100  # texts of a list over HTTP
CLASSIFY = Path(__file__).with_name("classify.py")
SQLITE = "sqlite:///"

Figures = dict[tuple[str, str], float]  # {(row, unit): value}


class Scenario(NamedTuple):
    """What clients ask. `units` are those figures of it that are compared."""

    name: str
    path: str
    bodies: Sequence[str]
    clients: int
    units: Sequence[str] = ("requests/s", "p50 ms", "p99 ms", "CPU ms/request")


@dataclass(frozen=True)
class Side:
    """A commit's tree. `folder` is for what its services keep from one start to the next: copies of versions."""

    name: str
    tree: Path
    folder: Path

    @contextmanager
    def service(self, number: int) -> Iterator[Served]:
        """The service of round `number`, with a database of its own.

        Raises PeerError, with the end of the service's log, also where one leaves the block.
        """
        folder = self.folder / str(number)
        folder.mkdir(parents=True)
        settings = {"VERSIONS_PATH": str(self.folder / "versions"), "BENTOS_HOME": str(folder)}
        peer = ours(self.name, MLFLOW_TRACKING_URI=registry_uri(), **settings)
        command = peer.command
        peer = replace(peer, command=lambda where, port: command(where, port)._replace(cwd=self.tree))
        try:
            with Served(peer, folder) as served:
                yield served
        except PeerError as error:
            raise PeerError(f"the service of {self.name}: {error}\n{log_end(folder)}") from error

    def classify(self, artifact: Path, texts: Sequence[str], seconds: float) -> Figures:
        """One text, and all in one call, without HTTP. Raises PeerError with the end of what was printed."""
        done = subprocess.run(
            [sys.executable, "-P", CLASSIFY, artifact, str(seconds)],
            input=json.dumps(texts),
            cwd=self.tree,
            env=os.environ | {"PYTHONPATH": str(self.tree)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise PeerError(f"{self.name} cannot classify in process:\n{done.stderr[-2000:]}")
        times = json.loads(done.stdout)
        rows = {"in process, one text": times["one"], f"in process, {len(texts):,} texts": times["many"]}
        return {(row, "CPU ms"): value for row, value in rows.items()}


def warm_up(service: Served, scenarios: Sequence[Scenario], run: int) -> None:
    """Put each load of several clients on it for a moment, so that all cached texts are in the cache."""
    for scenario in (scenario for scenario in scenarios if scenario.clients > 1):
        put(_load(service, scenario, run, WARM, least=len(scenario.bodies)))


def ask(service: Served, scenario: Scenario, run: int, seconds: float) -> Figures:
    """What the scenario's load measures. Raises PeerError where a request is not answered."""
    before = service.processor()
    answered = put(_load(service, scenario, run, seconds))
    used = service.processor() - before
    if answered.errors:
        raise PeerError(f"{answered.errors} requests failed, the first with: {answered.first_error}")
    values = {
        "requests/s": answered.per_second,
        "p50 ms": answered.p50,
        "p99 ms": answered.p99,
        "CPU ms/request": used / answered.requests * 1e3,
    }
    return {(scenario.name, unit): value for unit in scenario.units if (value := values[unit])}


def _load(service: Served, scenario: Scenario, run: int, seconds: float, least: int = 1) -> Load:
    path, bodies, clients = scenario.path, scenario.bodies, scenario.clients
    return Load(service.port, path, bodies, clients, seconds, run, warm=0, least=least)


def scenarios(texts: Sequence[str]) -> list[Scenario]:
    """One text cached and not, by 1 and by 32 clients, and lists of texts that are not cached."""
    cached = [json.dumps({"text": text}) for text in texts]
    new = [json.dumps({"text": f"{NUMBER.decode()} {text}"}) for text in texts]
    lists = [
        json.dumps({"texts": [f"{NUMBER.decode()} {text}" for text in texts[start : start + LIST]]})
        for start in range(0, len(texts), LIST)
    ]
    one = [
        Scenario(f"{what}, {clients} client{'s' * (clients > 1)}", "/prediction", bodies, clients)
        for what, bodies in (("cached", cached), ("not cached", new))
        for clients in (1, 32)
    ]
    return [
        *one,
        Scenario(f"a list of {LIST} texts, not cached", "/predictions", lists, 1, ("p50 ms", "CPU ms/request")),
    ]


def registry_uri() -> str:
    """The tracking URI of this tree, which holds in any folder."""
    uri = RegistrySettings().mlflow_tracking_uri
    return f"{SQLITE}{(ROOT / uri.removeprefix(SQLITE)).absolute()}" if uri.startswith(SQLITE) else uri


def log_end(folder: Path, lines: int = 15) -> str:
    """The last lines that the service printed."""
    return "\n".join((folder / "output.log").read_text(errors="replace").splitlines()[-lines:])
