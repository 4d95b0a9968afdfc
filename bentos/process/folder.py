"""The folder that the processes of one service share, and a worker's place in it."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

STARTED = "started"  # a file: some worker of this service has started


def make_shared_folder() -> Path:
    """A folder that is deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="sms-spam-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@dataclass(frozen=True)
class WorkerPlace:
    """The shared folder, the worker's number (from 1), and the process id of the supervisor."""

    folder: Path
    number: int
    supervisor: int

    @property
    def any_started(self) -> bool:
        """Whether a worker of this service has ever started."""
        return (self.folder / STARTED).exists()

    def note_started(self) -> None:
        (self.folder / STARTED).touch()
