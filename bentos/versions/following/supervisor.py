"""The supervisor's part: a folder for what its processes share, and the one that follows the registry kept running.

Nothing heavy is imported here.
"""

import atexit
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAUSES = (1.0, 60.0)  # seconds before a follower that died is started again: at first, and at most

logger = logging.getLogger(__name__)


def make_folder() -> Path:
    """A folder that is gone when this process has ended."""
    folder = Path(tempfile.mkdtemp(prefix="sms-spam-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Keeper:
    """Keeps a follower that reports to `folder` running for as long as this process lives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._follower: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        threading.Thread(target=self._keep_running, daemon=True).start()

    def renew(self) -> None:
        """Have the follower, where there is one, begin anew: it reads its settings when it starts."""
        if self._follower:
            self._follower.kill()

    def _keep_running(self) -> None:
        shortest, longest = PAUSES
        pause = shortest
        while True:
            started = time.monotonic()
            command = [sys.executable, "-m", "bentos.versions.following.process", str(self.folder)]
            # the pipe closes when this process ends
            self._follower = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)
            self._follower.wait()
            pause = shortest if time.monotonic() - started > longest else min(2 * pause, longest)
            logger.warning("the process that follows the registry ended; it is started again in %.0f s", pause)
            time.sleep(pause)
