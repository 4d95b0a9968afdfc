"""Runs a stage, also one started by hand: its arguments, and the sentence that says which input file is missing."""

import argparse
from collections.abc import Callable
from pathlib import Path

from registry import command

VARIANT = "a variant of params.yaml, for example `lstm`"  # the help of arguments that several stages have
PREPARED = "the folder that `prepare` wrote"
MODEL = "the folder that `train` wrote"
ARTIFACT = "the folder that `export` wrote"


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


def parser(name: str, doc: str, example: str) -> argparse.ArgumentParser:
    """The parser of `python -m pipelines.NAME`, without arguments yet; the first line of `doc` says what it does."""
    prog = command.prog(f"pipelines.{name}")
    return argparse.ArgumentParser(prog=prog, description=doc.splitlines()[0], epilog=f"example: {prog} {example}")


def parse(name: str, doc: str, example: str, **arguments: str) -> argparse.Namespace:
    """The arguments of a stage, each with its help: all are paths but `variant`."""
    parsing = parser(name, doc, example)
    for argument, sentence in arguments.items():
        kind = str if argument == "variant" else Path
        parsing.add_argument(argument, metavar=argument.upper(), type=kind, help=sentence)
    return parsing.parse_args()
