"""The processes of several workers, each under its number."""

import os
import subprocess
import sys

from bentos.monitoring.worker_metrics import Processes, remove_gauges


def memory(folder) -> dict[str, float]:
    """The resident memory of each worker that there is."""
    families = {family.name: family for family in Processes(folder).collect()}
    samples = families["process_resident_memory_bytes"].samples if families else []
    return {sample.labels["worker"]: sample.value for sample in samples}


def test_each_worker_has_the_metrics_of_its_process_until_it_ends(tmp_path):
    waiting = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()  # while it takes the new program's place, a process has no memory
        for worker, pid in ((1, os.getpid()), (2, other.pid)):
            (tmp_path / f"process.{worker}").write_text(str(pid))
        found = memory(tmp_path)
        assert found.keys() == {"1", "2"} and found["1"] != found["2"] > 0
        other.communicate(b"\n")
    assert memory(tmp_path).keys() == {"1"}, "a process that was killed has none"
    remove_gauges(tmp_path, 1)
    assert memory(tmp_path) == {}
