"""The metrics of several workers as one: each worker writes to files of its own, and any of them can add all up.

This is prometheus_client's multiprocess mode. The files are named by the worker's number, not its process id: a worker
that is started again continues its counters.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

FILES = ("counter", "histogram", "gauge_livemin", "gauge_livemax", "gauge_livesum")
FILE_BYTES = 2**20  # reserved at once: a process whose memory-mapped file meets a full disk is killed


def share(folder: Path, worker: int) -> Callable[[], CollectorRegistry]:
    """Write this process's metrics to `folder` from now on; return a function that gathers those of all workers.

    Gauges of a worker of this number that was killed are removed.
    """
    mark_process_dead(worker, str(folder))
    for name in FILES:
        with open(folder / f"{name}_{worker}.db", "ab") as file:
            os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: worker)
    _note_process(folder, worker)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    registry.register(Processes(folder))
    return lambda: registry


def remove_gauges(folder: Path, worker: int) -> None:
    """Remove the gauges of a worker that ends; its counters stay."""
    mark_process_dead(worker, str(folder))
    _process_file(folder, worker).unlink(missing_ok=True)


class Processes(Collector):
    """Prometheus's standard metrics of a process (`process_resident_memory_bytes` and others) for each worker.

    They are read from /proc; where there is none, there are no metrics.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for file in sorted(self.folder.glob(_process_file(self.folder, "*").name)):
            for family in _process_metrics(file):
                labelled = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    labelled.add_sample(sample.name, {"worker": file.suffix[1:]}, sample.value)
        return families.values()


def _process_metrics(file: Path) -> Iterable[Metric]:
    """Those of the process that a worker has noted; none if it ended meanwhile."""
    try:
        pid = file.read_text()
    except FileNotFoundError:
        return []
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


def _note_process(folder: Path, worker: int) -> None:
    file = folder / f"starting.{worker}"
    file.write_text(str(os.getpid()))
    file.replace(_process_file(folder, worker))  # at once, so that no other worker reads half a number


def _process_file(folder: Path, worker: int | str) -> Path:
    return folder / f"process.{worker}"
