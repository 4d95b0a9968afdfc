"""Runs a stage started by hand: if an input file is missing, says which one and which command makes it."""

from collections.abc import Callable

from registry import command


class MissingInput(Exception):
    """A file that a stage reads is not there; the message names it."""


def run(main: Callable[[], None], *errors: type[Exception]) -> None:
    """Run `main` as `registry.command.run` does."""
    command.run(lambda: _naming_what_is_missing(main), MissingInput, *errors)


def _naming_what_is_missing(main: Callable[[], None]) -> None:
    try:
        main()
    except FileNotFoundError as error:
        raise MissingInput(
            f"there is no {error.filename or error}; `dvc repro` runs the stages that write it"
        ) from error
