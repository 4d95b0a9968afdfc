"""How a command ends: each `python -m` of the project runs its `main` through `run`."""

from __future__ import annotations  # `make up` starts with any Python, and says which it needs

import os
import signal
import sys
from collections.abc import Callable

started_by: str | None = None  # the console command that runs the module, where one does

INTERRUPTED, PIPE_CLOSED = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # exit statuses, as a shell has them


def run(main: Callable[[], None], *errors: type[Exception]) -> None:
    """Run `main`; one of `errors`, or an OSError, is printed as one sentence, with exit status 1.

    Ctrl-C, and a reader that closes the pipe (`... | head -1`), end the command without a word.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # see `quiet_while_importing`
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its exit
        sys.exit(PIPE_CLOSED)
    except (OSError, *errors) as error:
        sys.exit(f"{_name()}: {_sentence(error)}")


def prog(module: str) -> str:
    """How a person starts the module: `python -m pipelines.train`, or `sms-spam pipelines train` as installed."""
    return f"python -m {module}" if started_by is None else f"{started_by} {module.replace('.', ' ')}"


def quiet_while_importing() -> None:
    """Let Ctrl-C end the process at once, without a traceback, while a command's imports take their seconds.

    Packages call it when they are imported. It does something only where Python is about to run one of their modules
    with `-m`, which is when the first argument is still "-m"; `run` then gives Ctrl-C its usual meaning back.
    """
    if sys.argv[0] == "-m":
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _name() -> str:
    """`train` for `python -m pipelines.train`, `registry` for `python -m registry`."""
    spec = sys.modules["__main__"].__spec__
    return spec.name.removesuffix(".__main__").rpartition(".")[2] if spec else "error"


def _sentence(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"there is no {error.filename}"
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)
