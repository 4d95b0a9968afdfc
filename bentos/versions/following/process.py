"""The process that follows the registry, one a service: `python -m bentos.versions.following.process FOLDER`.

Importing MLflow takes two seconds of one core and 170 MB, which the processes that serve need not pay, and a registry
that hangs does not hang them. What it reads it writes to a file in FOLDER, which every worker looks at. It ends, and
takes FOLDER with it, when its standard input closes: that is, when the process that started it ends, however.
"""

import json
import logging
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bentos.monitoring import logs
from bentos.settings import SettingsError, read_settings
from bentos.versions.catalogue import Catalogue, CatalogueError, Source, whole

FILE = "registry.json"
PATIENCE = 30  # seconds that the registry may take
MLFLOW = {  # an operator's own values win
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the next poll tries again anyway
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}

logger = logging.getLogger("bentos.versions.following.process")


@dataclass(frozen=True)
class Report:
    """The newest catalogue that could be read, when that was, and why it cannot be read now."""

    catalogue: Catalogue | None = None
    read_at: datetime | None = None
    why: str = ""

    def write(self, folder: Path) -> None:
        """Replace the file in one step: whoever reads it sees a whole report."""
        plain = {
            "catalogue": self.catalogue and self.catalogue.as_dict(),
            "read_at": self.read_at and self.read_at.isoformat(timespec="seconds"),
            "why": self.why,
        }
        (folder / "new").write_text(json.dumps(plain))
        (folder / "new").replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> "Report":
        """Raises FileNotFoundError before the first one."""
        plain: dict[str, Any] = json.loads((folder / FILE).read_bytes())
        catalogue = plain["catalogue"] and Catalogue.from_dict(plain["catalogue"])
        return cls(catalogue, plain["read_at"] and datetime.fromisoformat(plain["read_at"]), plain["why"])


class Follower:
    """Asks the registry, and MLflow only when it may say something new."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._known: Catalogue | None = None
        self._mark: object = None
        self._database: sqlite3.Connection | None = None

    def ask(self, before: Report) -> Report:
        """The report after `before`."""
        signal.alarm(PATIENCE)
        try:
            return Report(self._catalogue(), datetime.now(UTC))
        except CatalogueError as error:
            if str(error) != before.why:
                logger.warning("%s", error)
            return replace(before, why=str(error))
        finally:
            signal.alarm(0)

    def _catalogue(self) -> Catalogue:
        mark = self._change_mark()
        there = self._known is not None and all(whole(entry.folder) for entry in self._known.entries)
        if not there or mark is None or mark != self._mark:
            self._known = None  # as long as the next line fails, this is asked again
            found = self.source.catalogue()
            self._mark = mark
            self._known = found if all(entry.folder for entry in found.entries) else None
            return found
        return self._known

    def _change_mark(self) -> object:
        """What differs after every change of an SQLite registry, for a fraction of what asking MLflow costs."""
        path = self.source.database
        if path is None or not path.exists():
            return None
        try:
            self._database = self._database or sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            return path.stat().st_ino, *self._database.execute("PRAGMA data_version").fetchone()
        except (sqlite3.Error, OSError):
            return None


def main() -> None:
    folder = Path(sys.argv[1])
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a terminal or systemd sends them to all: the workers still drain
    signal.signal(signal.SIGALRM, _give_up)
    for name, value in MLFLOW.items():
        os.environ.setdefault(name, value)
    tempfile.tempdir = str(folder)  # where MLflow downloads to
    with redirect_stdout(sys.stderr):  # whatever MLflow has to say is for the log
        try:
            settings = read_settings()
        except SettingsError as error:
            Report(why=str(error)).write(folder)
            sys.exit(f"error: {error}")
        logs.configure(settings)
        source = Source(settings.model_name, settings.mlflow_tracking_uri, settings.served_versions, folder)
        _follow(Follower(source), folder, settings.poll_interval)


def _follow(follower: Follower, folder: Path, interval: float) -> None:
    """Write a report every `interval` seconds, until the registry's file is another: MLflow would keep to the old."""
    report = Report.read(folder) if (folder / FILE).exists() else Report()
    followed = None
    while True:
        found = _inode(follower.source.database)
        if followed and found and found != followed:
            os.execv(sys.executable, [sys.executable, "-m", "bentos.versions.following.process", str(folder)])
        followed = found or followed
        report = follower.ask(report)
        try:
            report.write(folder)
        except FileNotFoundError:
            if folder.exists():
                raise
            return  # the service has ended, and taken the folder with it
        if not report.why:
            sweep(folder)
        time.sleep(interval)


def sweep(folder: Path) -> None:
    """Delete the downloads that neither the report nor what the workers wrote down names any longer."""
    try:
        named = "".join(file.read_text() for file in folder.glob("*.json"))
    except FileNotFoundError:  # the service is ending, and takes the folder with it
        return
    for download in folder.glob(f"{tempfile.gettempprefix()}*"):
        if download.is_dir() and download.name not in named:
            shutil.rmtree(download, ignore_errors=True)


def _inode(path: Path | None) -> int | None:
    return path.stat().st_ino if path and path.exists() else None


def _end_with_parent(folder: Path) -> None:
    sys.stdin.buffer.read()
    while folder.exists():  # again if a report was written meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _give_up(*_: object) -> None:
    raise CatalogueError(f"the model registry did not answer within {PATIENCE} seconds")


if __name__ == "__main__":
    main()
