"""The console command `sms-spam`, from the wheel: `sms-spam registry list` is `python -m registry list`.

It only finds the module that a person names, and lets it run as `python -m` does. It knows the packages by their names
alone, since the one that it lies in imports neither of the others.
"""

import argparse
import ast
import importlib
import pkgutil
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

from registry import command

NAME = "sms-spam"
GROUPS = {
    "registry": "List the model versions, promote one to champion, route calls, and roll back.",
    "bentos": "Pack the service, prepare its database, make API keys, export its log, and fill its cache.",
    "pipelines": "Run a stage of the pipeline by hand, or a command beside it.",
}
SHELLS = ("bash", "zsh", "fish")


def main() -> None:
    command.run(dispatch)


def dispatch() -> None:
    """Run what the words name. A group of commands has a parser of its own, which gets the words behind its name."""
    command.started_by = NAME
    words = sys.argv[1:]
    own = 2 if words[:1] in (["pipelines"], ["completion"]) else 1
    named = build_parser().parse_args(words[:own])
    try:
        if named.group == "completion":
            print_completion(named.shell)
        else:
            run(f"pipelines.{named.command}" if named.group == "pipelines" else named.group, words[own:])
    except ModuleNotFoundError as error:
        sys.exit(f"{NAME}: this needs the package {error.name}; `pip install '{NAME}[train]'` brings it")


def run(module: str, words: list[str]) -> None:
    """Run the module as the main program, with these arguments."""
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def build_parser(complete: bool = False) -> argparse.ArgumentParser:
    """The parser of the groups; `complete` has the options of their commands too, which takes imports."""
    parser = argparse.ArgumentParser(
        prog=NAME,
        description="A spam filter for text messages: its pipeline, its model versions and its service.",
        epilog=f"example: {NAME} registry list; `{NAME} GROUP --help` explains a group",
    )
    groups = parser.add_subparsers(dest="group", required=True, metavar="GROUP")
    for name, sentence in GROUPS.items():
        parents = [_own_parser(name)] if complete and name != "pipelines" else []
        group = groups.add_parser(name, parents=parents, add_help=not parents, help=sentence, description=sentence)
        if name == "pipelines":
            _add_commands(group)
    sentence = "Print the completion of commands and options for a shell."
    completion = groups.add_parser("completion", help=sentence, description=sentence)
    completion.epilog = f"example: {NAME} completion bash >> ~/.bash_completion"
    completion.add_argument("shell", choices=SHELLS, help="the shell that is to complete")
    return parser


def print_completion(shell: str) -> None:
    import shtab

    print(shtab.complete(build_parser(complete=True), shell))


def _own_parser(group: str) -> argparse.ArgumentParser:
    return importlib.import_module(f"{group}.__main__").build_parser()


def _add_commands(group: argparse.ArgumentParser) -> None:
    group.epilog = f"example: {NAME} pipelines crossval baseline linear --repeats 1"
    commands = group.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, sentence in pipeline_commands().items():
        commands.add_parser(name, help=sentence, add_help=False)


def pipeline_commands() -> dict[str, str]:
    """The modules of `pipelines` that are commands, with the first line of what they say; none is imported."""
    commands = {}
    for module in pkgutil.iter_modules(find_spec("pipelines").submodule_search_locations):
        source = Path(find_spec(f"pipelines.{module.name}").origin).read_text()
        if '__name__ == "__main__"' in source:
            commands[module.name] = ast.get_docstring(ast.parse(source)).splitlines()[0].replace("%", "%%")
    return commands
