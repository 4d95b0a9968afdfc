"""Keeps the process that follows the registry running. The supervisor's part, so nothing heavy is imported here."""

import logging
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAUSES = (1.0, 60.0)  # seconds before a follower that died is started again: at first, and at most

logger = logging.getLogger(__name__)


def start_follower() -> Path:
    """Keep a follower running for as long as this process lives; return the folder of its reports."""
    folder = Path(tempfile.mkdtemp(prefix="sms-spam-"))
    threading.Thread(target=_keep_running, args=(folder,), daemon=True).start()
    return folder


def _keep_running(folder: Path) -> None:
    shortest, longest = PAUSES
    pause = shortest
    while True:
        started = time.monotonic()
        command = [sys.executable, "-m", "bentos.follower", str(folder)]
        follower = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=ROOT)  # the pipe closes when this process ends
        follower.wait()
        pause = shortest if time.monotonic() - started > longest else min(2 * pause, longest)
        logger.error("the process that follows the registry died; it is started again in %.0f s", pause)
        time.sleep(pause)
