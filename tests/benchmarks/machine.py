"""Where and when something was measured, and of which commit."""

import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import mlserver
from tests.cassandra.jars import POM

SPEED = "5,000,000 additions in Python"
PACKAGES = (
    *("bentoml", "fastapi", "uvicorn", "uvloop", "cassandra-driver"),
    *("mlflow", "onnxruntime", "tensorflow", "keras", "numpy", "scikit-learn"),
)


def facts() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "load before": round(os.getloadavg()[0], 2),
        SPEED: f"{_additions():.2f} s",
        "versions": {"Python": platform.python_version(), "Cassandra": _cassandra(), **_packages(), **_mlserver()},
    }


def _additions() -> float:
    """Seconds that 5,000,000 additions take: a virtual machine can be half as fast as an hour before."""
    started = time.perf_counter()
    total = 0
    for number in range(5_000_000):
        total += number
    return time.perf_counter() - started


def _commit() -> str:
    """The commit, with a + where the working tree differs from it in more than the figures."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    return f"{commit}+" if _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs") else commit


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True).stdout.strip()


def _field(file: str, name: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")


def _cassandra() -> str:
    return re.search(r"cassandra-all</artifactId>\s*<version>(.*?)<", POM.read_text())[1]


def _mlserver() -> dict[str, str]:
    return dict([mlserver.REQUIREMENTS[0].split("==")])


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
