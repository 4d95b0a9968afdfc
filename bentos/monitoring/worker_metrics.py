"""The figures of several worker processes as one: each keeps its own in files of one folder, whoever is asked adds up.

It is prometheus_client's multiprocess mode. A worker is known by its place among the workers and not by its process:
one that is started again counts on from where the one before it ended.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FILES = ("counter", "histogram", "gauge_livemin", "gauge_livemax")
ROOM = 2**20  # bytes of a file, taken from the disk at once: a mapped one that finds it full ends the process


def share(folder: Path, worker: int) -> Callable[[], CollectorRegistry]:
    """Have whatever this process counts from now on shared in `folder`; return what gathers the figures of all."""
    for name in FILES:
        with open(folder / f"{name}_{worker}.db", "ab") as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return lambda: registry


def leave(folder: Path, worker: int) -> None:
    """Take this process's gauges back; its counters stay."""
    mark_process_dead(worker, str(folder))
