"""No worker outlives its supervisor: it would keep the port, and no command would stop it.

On Linux the kernel kills a worker as soon as the supervisor has ended, also one that is only starting. Elsewhere a
worker looks every second (`bentos.process.draining.end_with_supervisor`).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # of prctl(2): the signal that this process gets when its parent ends


def kill_workers_with_supervisor() -> None:
    """Called in the supervisor, before it starts its first worker: from now on workers end at once when it does.

    The request is made in the new process before its program begins, since reading the modules takes seconds. Only
    processes that are started with a function of their own to call first are concerned: BentoML's workers are, the
    follower is not, which ends by itself after it has deleted the shared folder.
    """
    if sys.platform != "linux":
        return
    supervisor, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it ended before the line above
            os._exit(1)

    os.register_at_fork(after_in_child=in_child)
