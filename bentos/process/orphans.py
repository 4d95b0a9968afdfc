"""No worker outlives its supervisor: it would keep the port, and no command would stop it.

On Linux the kernel kills a worker as soon as the supervisor has ended, also one that is only starting. Elsewhere a
worker looks every second (`end_with_supervisor`).
"""

import asyncio
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of prctl(2): the signal that this process gets when its parent ends
LOOK_EVERY = 1.0  # seconds between two looks at whether the supervisor lives


def kill_workers_with_supervisor() -> None:
    """Called in the supervisor, before it starts its first worker: from now on workers end at once when it does.

    The new process asks for this right after the fork, because importing takes seconds. It works only for processes
    started with a `preexec_fn`: BentoML's workers are. The follower is not; it ends by itself after deleting the shared
    folder.
    """
    if sys.platform != "linux":
        return
    supervisor, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it ended before the line above
            os._exit(1)

    os.register_at_fork(after_in_child=in_child)


async def end_with_supervisor(supervisor: int) -> None:
    """End this worker once its supervisor has died: it would keep the port, and no command would stop it."""
    while os.getppid() == supervisor:
        await asyncio.sleep(LOOK_EVERY)
    signal.raise_signal(signal.SIGTERM)
