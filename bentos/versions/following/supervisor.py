"""The supervisor's part: it keeps the follower process running. Nothing heavy is imported here."""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODULE = "bentos.versions.following.process"
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before a follower that ended is started again

logger = logging.getLogger(__name__)


def supervise_follower(folder: Path) -> None:
    """Start a follower that writes to `folder`, and start it again whenever it ends, in a thread of its own."""
    threading.Thread(target=_keep_running, args=(folder,), daemon=True).start()


def _keep_running(folder: Path) -> None:
    pause = SHORTEST_PAUSE
    while True:
        started = time.monotonic()
        # The pipe to its standard input closes when this process ends: then the follower ends too.
        follower = subprocess.Popen([sys.executable, "-m", MODULE, str(folder)], stdin=subprocess.PIPE, cwd=ROOT)
        follower.wait()
        stable = time.monotonic() - started > LONGEST_PAUSE
        pause = SHORTEST_PAUSE if stable else min(2 * pause, LONGEST_PAUSE)
        logger.warning("the process that follows the registry ended; it is started again in %.0f s", pause)
        time.sleep(pause)
