"""The metrics of several workers as one: each worker writes to files of its own, and any of them can add all up.

This is prometheus_client's multiprocess mode. The files are named by the worker's number, not its process id: a worker
that is started again continues its counters.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FILES = ("counter", "histogram", "gauge_livemin", "gauge_livemax")
FILE_BYTES = 2**20  # reserved at once: a process whose memory-mapped file meets a full disk is killed


def share(folder: Path, worker: int) -> Callable[[], CollectorRegistry]:
    """Write this process's metrics to `folder` from now on; return a function that gathers those of all workers."""
    for name in FILES:
        with open(folder / f"{name}_{worker}.db", "ab") as file:
            os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    return lambda: registry


def remove_gauges(folder: Path, worker: int) -> None:
    """Remove the gauges of a worker that ends; its counters stay."""
    mark_process_dead(worker, str(folder))
