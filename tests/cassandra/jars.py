"""Cassandra and its libraries as jars, brought by Maven once into a cache folder."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
JAVA = 17  # the newest Java that Cassandra 5.0 runs on


class MissingToolError(Exception):
    """This machine cannot run Cassandra; the message says what it lacks."""


def jars() -> Path:
    """The folder of jars, downloaded on the first call: a download that breaks off leaves nothing behind.

    Raises MissingToolError without Java 17, or without Maven while the jars are not there yet.
    """
    check_java()
    version = re.search(r"cassandra-all</artifactId>\s*<version>(.*?)<", POM.read_text()).group(1)
    folder = _cache() / f"cassandra-{version}"
    if not folder.exists():
        if shutil.which("mvn") is None:
            raise MissingToolError("Maven (mvn) is not installed")
        _download(folder)
    return folder


def java() -> str:
    """The command that runs Java: JAVA_HOME's, else the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def check_java() -> None:
    """Raise MissingToolError unless `java()` is Java 17."""
    try:
        told = subprocess.run([java(), "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise MissingToolError(f"Java {JAVA} is not installed ({java()} does not run)") from error
    if f'version "{JAVA}.' not in told:
        raise MissingToolError(f"Java {JAVA} is needed, found {told.splitlines()[0]}; set JAVA_HOME")


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sms-spam"


def _download(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two test runs at once, the second waits and finds the jars
        if folder.exists():
            return
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as scratch:
            lib = Path(scratch, "lib")
            print(f"Fetching Cassandra's jars with Maven into {folder} (about 70 MB, once)", flush=True)
            subprocess.run(
                ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={lib}"], check=True
            )
            lib.rename(folder)
