"""Ctrl-C ends the service quietly, with the status that a shell gives to a program that was interrupted."""

import signal
import sys

import click
from circus.sighandler import SysHandler

INTERRUPTED = 128 + signal.SIGINT


def end_at_once_while_starting() -> None:
    """Until BentoML's supervisor has its own handlers, Ctrl-C ends `bentoml serve` without a traceback."""
    command = click.get_current_context(silent=True)
    if command and command.info_name == "serve":
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def exit_as_interrupted() -> None:
    """Called in the supervisor before it starts: after Ctrl-C, `bentoml serve` ends with 130; BentoML would say 0.

    The workers end as they do after SIGTERM. circus, BentoML's supervisor, has no hook for this.
    """
    command = click.get_current_context(silent=True)
    if command is None:
        return
    end_workers = SysHandler.handle_int

    def handle_int(handler: SysHandler) -> None:
        command.call_on_close(lambda: sys.exit(INTERRUPTED))
        end_workers(handler)

    SysHandler.handle_int = handle_int
