"""The service's chores: `python -m bentos build`, `migrate`, `key NAME`, `export calls` and `export corrections`."""

import argparse
import asyncio
import logging
import os
import sys
from datetime import UTC, datetime

from bentos.callers.keys import add_line, new_key
from bentos.settings import Settings, SettingsError, read_settings
from bentos.store import StoreError
from bentos.store.backends import migrate
from registry import command


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bentos",
        description="Pack the service, prepare its database, make keys, export its log."
        " Settings come from the environment or `.env`.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("build", help="a bento with the promoted versions baked in, to serve or containerize anywhere")
    verbs.add_parser("migrate", help="create the store's tables, or upgrade those of an older version")
    verbs.add_parser("key", help="make an API key for a caller").add_argument("name", help="what the caller is called")
    export = verbs.add_parser("export", help="print the call log or the corrections, one JSON object a line")
    tables = export.add_subparsers(dest="table", required=True, metavar="TABLE")
    calls = tables.add_parser("calls", help="version, label and length of every call")
    calls.add_argument("--since", type=_moment, required=True, help="an ISO 8601 time, in UTC where it names no zone")
    tables.add_parser("corrections", help="every correction that callers sent")
    args = parser.parse_args()
    try:
        settings = read_settings()
        if args.verb == "key":
            _key(settings, args.name)
        elif args.verb == "export":
            _export(settings, args)
        else:
            {"build": _build, "migrate": _migrate}[args.verb](settings)
    except (SettingsError, StoreError) as error:
        sys.exit(f"error: {error}")


def _build(settings: Settings) -> None:
    from bentos.build import BuildError, build

    print("reading the model registry ...", flush=True)
    try:
        bento, entries = build(settings)
    except BuildError as error:
        sys.exit(f"error: {error}")
    for version in (entry.version for entry in entries):
        print(f"version {version.number} ({', '.join(version.aliases)}): {version.variant} {version.digest[:8]}")
    print(f"built {bento.tag} at {bento.path}")
    print(f"serve it anywhere:  bentoml serve {bento.tag}")
    print(f"or as an image:     bentoml containerize {bento.tag}")


def _migrate(settings: Settings) -> None:
    for line in migrate(settings):
        print(line)


def _export(settings: Settings, args: argparse.Namespace) -> None:
    from bentos.export import export_calls, export_corrections

    logging.getLogger("bentos").setLevel(logging.CRITICAL)  # a failure is raised, and printed once
    try:
        if args.table == "calls":
            export_calls(settings, args.since, sys.stdout)
        else:
            asyncio.run(export_corrections(settings, sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its exit
        sys.exit("error: the reader closed the pipe")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _key(settings: Settings, name: str) -> None:
    """The key alone on stdout, what became of it on stderr."""
    key, line = new_key(name)
    if settings.api_keys_file:
        add_line(settings.api_keys_file, line)
        done = f"added to {settings.api_keys_file}; a running service knows it at once"
    else:
        done = f"put this line into the file that API_KEYS_FILE names: {line}"
    print(key)
    print(f"this is the key of {name}, shown only now; {done}", file=sys.stderr)


if __name__ == "__main__":
    command.run(main)
