"""How many requests a second the service answers, on toy versions: what is measured is all but the model."""

import json
import tempfile
import time
from pathlib import Path

from tests.benchmarks.load import Load, Measured, measure
from tests.server import Server
from tests.toyregistry import make_registry

TEXT = "free call me later about lunch at home and the prize will be yours"
ONE = json.dumps({"text": TEXT})
NEW = json.dumps({"text": "{n} " + TEXT})
HUNDRED = json.dumps({"texts": [f"{{n}} {i} {TEXT}" for i in range(100)]})
SCENARIOS = (
    ("cached", "/prediction", ONE, 1),
    ("cached", "/prediction", ONE, 32),
    ("not cached", "/prediction", NEW, 1),
    ("not cached", "/prediction", NEW, 32),
    ("100 texts, not cached", "/predictions", HUNDRED, 1),
)
WARM = 8.0  # seconds under load, twice, before anything is measured: a database on the JVM compiles what it runs often


def run(seconds: float, **settings: str) -> list[tuple[str, int, Measured]]:
    """Each scenario's name, clients and figures, printed as they are measured, of a service with these settings."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        uri = make_registry(Path(scratch))
        start = time.perf_counter()
        with Server(Path(scratch), MLFLOW_TRACKING_URI=uri, SPOOL_PATH=f"{scratch}/spool.db", **settings) as server:
            print(f"first answer {time.perf_counter() - start:.1f} s after the start")
            print(f"{'':24}{'clients':>8}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}")
            for run, path, body in ((98, "/prediction", ONE), (99, "/prediction", NEW)):
                measure(Load(server.port, path, body, 32, WARM, run))
            for run, (name, path, body, clients) in enumerate(SCENARIOS, 1):
                measure(Load(server.port, path, body, clients, 0.5, run=100 + run))  # warm
                figures = measure(Load(server.port, path, body, clients, seconds, run))
                print(f"{name:24}{clients:8}{figures.per_second:12.0f}{figures.p50:9.2f}{figures.p99:9.2f}", flush=True)
                rows.append((name, clients, figures))
            print(f"resident memory of the serving process: {_resident(server.workers()[0])} MB")
    return rows


def _resident(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024
