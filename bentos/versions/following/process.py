"""The follower process, one for each service: `python -m bentos.versions.following.process FOLDER`.

It reads the registry every POLL_INTERVAL and writes what it found into FOLDER; it also has notifications delivered that
wait. It ends, and deletes FOLDER, when its
standard input closes, which happens as soon as the supervisor that started it ends, for whatever reason.
"""

import logging
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bentos.monitoring import logs
from bentos.settings import SettingsError, read_settings
from bentos.versions.catalogue import Catalogue
from bentos.versions.copies import Copies
from bentos.versions.following.courier import Courier
from bentos.versions.following.follower_state import FILE, READ_TIMEOUT, FollowerState
from bentos.versions.registry_reader import CatalogueError, RegistryReader
from registry.reading.mlflow_process import MLflowProcess

logger = logging.getLogger("bentos.versions.following.process")


class Poller:
    """Makes the follower's states, and reads an SQLite registry only when it may have changed."""

    def __init__(self, reader: RegistryReader) -> None:
        self.reader = reader
        self._last: Catalogue | None = None
        self._mark: object = None
        self._database: sqlite3.Connection | None = None  # to the file with this inode
        self._inode: int | None = None
        self._thread = ThreadPoolExecutor(1)  # a database's driver lets no signal interrupt it
        self._reading: Future[Catalogue] | None = None

    def next_state(self, last: FollowerState) -> FollowerState:
        """What the registry says; `last` with a problem where it says nothing within READ_TIMEOUT.

        A read that takes longer goes on in its thread, and the next state waits for it.
        """
        self._reading = self._reading or self._thread.submit(self._catalogue)
        done, _ = wait([self._reading], READ_TIMEOUT)
        if not done:
            return self._complaint(last, f"the model registry did not answer within {READ_TIMEOUT} seconds")
        reading, self._reading = self._reading, None
        try:
            return FollowerState(reading.result(), datetime.now(UTC))
        except CatalogueError as error:
            return self._complaint(last, str(error))

    def _complaint(self, last: FollowerState, problem: str) -> FollowerState:
        if problem != last.problem:
            logger.warning("%s", problem)
        return replace(last, problem=problem)

    def _catalogue(self) -> Catalogue:
        mark = self._change_mark()
        unchanged = mark is not None and mark == self._mark
        if unchanged and self._last and not self.reader.files_changed:
            return self._last
        self._last = None  # if the next line fails, the registry is read again at the next poll
        self._last = self.reader.catalogue()
        self._mark = mark
        return self._last

    def _change_mark(self) -> object:
        """A value that differs after every change of an SQLite registry; None for another kind of registry."""
        path = self.reader.database
        if path is None:
            return None
        try:
            inode = path.stat().st_ino
            if self._database is None or inode != self._inode:  # another file has replaced the one that was read
                self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                self._inode = inode
            return inode, *self._database.execute("PRAGMA data_version").fetchone()
        except (sqlite3.Error, OSError):
            return None


def main() -> None:
    folder, mlflow = Path(sys.argv[1]), MLflowProcess()
    threading.Thread(target=_end_with_supervisor, args=(folder, mlflow), daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to all processes of a terminal or unit; workers still drain
    try:
        settings = read_settings()
    except SettingsError as error:
        FollowerState(problem=str(error)).write(folder)
        sys.exit(f"error: {error}")
    logs.configure(settings)
    copies = Copies(settings.versions_path)
    reader = RegistryReader(
        settings.model_name,
        settings.mlflow_tracking_uri,
        settings.served_versions,
        downloads=folder,
        copies=copies,
        admitted_only=settings.require_verdict,
        mlflow=mlflow,
    )
    _follow(Poller(reader), copies, folder, settings.poll_interval, Courier(settings))


def _follow(poller: Poller, copies: Copies, folder: Path, interval: float, courier: Courier) -> None:
    """Write the state every `interval` seconds."""
    state = FollowerState.read(folder) if (folder / FILE).exists() else FollowerState()
    while True:
        state = poller.next_state(state)
        try:
            state.write(folder)
        except FileNotFoundError:  # the service has ended
            if not folder.exists():
                return
            # else `_end_with_supervisor` is deleting it: ending now would leave the rest of it
        if not state.problem:
            delete_unused_downloads(folder)
            copies.delete_unused({entry.version.digest for entry in state.catalogue.entries})
        courier.look()
        time.sleep(interval)


def delete_unused_downloads(folder: Path) -> None:
    """Delete the downloads that the state does not name: those of which there is a copy, and those that failed."""
    try:
        named = "".join(file.read_text() for file in folder.glob("*.json"))
    except FileNotFoundError:  # the service is ending and deletes the folder
        return
    for download in folder.glob(f"{tempfile.gettempprefix()}*"):
        if download.is_dir() and download.name not in named:
            shutil.rmtree(download, ignore_errors=True)


def _end_with_supervisor(folder: Path, mlflow: MLflowProcess) -> None:
    """Wait for the end of standard input, which comes with the supervisor's, then end this process.

    Not through `sys.stdin`: the lock that a read holds would break the interpreter's end.
    """
    while os.read(0, 1):
        pass
    mlflow.end()  # it may be writing a download
    while folder.exists():  # repeated, since the state may have been written meanwhile
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
