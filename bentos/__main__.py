"""The service's chores: `python -m bentos build`, `migrate`, `key`, `export TABLE`, `warm`, `label` and `erase`."""

import argparse
import asyncio
import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from bentos.callers.keys import add_line, new_key, read_keys
from bentos.callers.rights import PREDICT, RIGHTS, in_order, read_rights
from bentos.settings import Settings, SettingsError, read_settings
from bentos.store import StoreError, Subject
from bentos.store.backends import migrate
from registry import command


def main() -> None:
    args = build_parser().parse_args()
    try:
        settings = read_settings()
        if args.verb == "key":
            _key(settings, args)
        elif args.verb == "export":
            _export(settings, args)
        elif args.verb == "erase":
            _erase(settings, args)
        else:
            {"build": _build, "migrate": _migrate, "warm": _warm, "label": _label}[args.verb](settings)
    except (SettingsError, StoreError) as error:
        sys.exit(f"error: {error}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command.prog("bentos"),
        description="Pack the service, prepare its database, make keys, export its log, fill its cache, forget callers."
        " Settings come from the environment or `.env`.",
        epilog="example: {0} build; `{0} VERB --help` explains a verb".format(command.prog("bentos")),
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add(verbs, "Bake the promoted versions into a bento, to serve or containerize anywhere.", "build")
    _add(verbs, "Create the store's tables, or upgrade those of an older version.", "migrate")
    key = _add(verbs, "Make an API key for a caller; without NAME, list whose keys there are.", "key ann")
    key.add_argument("name", metavar="NAME", nargs="?", help="what the caller is called")
    sentence = f"what the key is good for, of {', '.join(RIGHTS)}, separated by commas; {PREDICT} by default"
    key.add_argument("--rights", type=_rights, metavar="RIGHTS", help=sentence)
    export = _add(
        verbs, "Print the call log, the corrections or the review queue, one JSON object a line.", "export corrections"
    )
    tables = export.add_subparsers(dest="table", required=True, metavar="TABLE")
    calls = _add(tables, "Print version, label and length of every call.", "calls --since 2030-01-31", "export ")
    texts = _add(tables, "Print id and text of every call.", "texts --since 2030-01-31", "export ")
    review = _add(tables, "Print every question of the review queue, newest first.", "review", "export ")
    for table in (calls, texts, review):
        sentence = "an ISO 8601 time, in UTC where it names no zone"
        table.add_argument("--since", type=_moment, required=table is not review, help=sentence)
    _add(tables, "Print every correction that callers sent.", "corrections", "export ")
    warm = _add(verbs, "Put the predictions on standard input, one JSON object a line, into the cache.", "warm")
    warm.epilog += "; `python -m pipelines.score INPUT cache` runs it"
    label = _add(verbs, "Store the labels of questions on standard input, one JSON object a line.", "label")
    label.epilog += "; `python -m pipelines.review import FILE` runs it"
    sentence = "Delete what the service has kept of a caller or of a text, and say how many rows went."
    erase = _add(verbs, sentence, "erase --caller ann")
    subject = erase.add_mutually_exclusive_group(required=True)
    subject.add_argument("--caller", metavar="NAME", type=_not_empty, help="the name of a key, or an address")
    subject.add_argument(
        "--text", type=_not_empty, help="as it was sent, of all callers; - reads it from standard input"
    )
    erase.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add(verbs: argparse._SubParsersAction, sentence: str, example: str, verb: str = "") -> argparse.ArgumentParser:
    """A verb, the first word of `example`, perhaps below another `verb`; `sentence` says what it does."""
    epilog = f"example: {command.prog('bentos')} {verb}{example}"
    return verbs.add_parser(example.split()[0], help=sentence, description=sentence, epilog=epilog)


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
    from bentos.export import export_calls, export_corrections, export_review, export_texts

    logging.getLogger("bentos").setLevel(logging.CRITICAL)  # a failure is raised, and printed once
    if args.table == "calls":
        export_calls(settings, args.since, sys.stdout)
    elif args.table == "texts":
        export_texts(settings, args.since, sys.stdout)
    elif args.table == "review":
        asyncio.run(export_review(settings, args.since or datetime.fromtimestamp(0, UTC), sys.stdout))
    else:
        asyncio.run(export_corrections(settings, sys.stdout))


def _warm(settings: Settings) -> None:
    from bentos.warm import warm

    logging.getLogger("bentos").setLevel(logging.CRITICAL)  # as in `_export`
    asyncio.run(warm(settings, sys.stdin, sys.stdout))


def _erase(settings: Settings, args: argparse.Namespace) -> None:
    from bentos.erase import REMAINS, erase

    text = sys.stdin.read().removesuffix("\n") if args.text == "-" else args.text
    if text == "":
        sys.exit("error: standard input is empty: it has to be the text")
    counts = erase(settings, Subject(args.caller, text))
    if args.json:
        return print(json.dumps({"erased": counts, "remains": REMAINS}, indent=2))
    for what, rows in counts.items():
        print(f"{what:<8} {rows:>8} rows erased")
    print("What this command cannot erase:")
    for line in REMAINS:
        print(f"- {line}")


def _not_empty(value: str) -> str:
    if not value:
        raise argparse.ArgumentTypeError("it is empty")
    return value


def _label(settings: Settings) -> None:
    from bentos.label import store_labels

    logging.getLogger("bentos").setLevel(logging.CRITICAL)  # as in `_export`
    asyncio.run(store_labels(settings, sys.stdin, sys.stdout))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _rights(text: str) -> frozenset[str]:
    try:
        return read_rights(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _key(settings: Settings, args: argparse.Namespace) -> None:
    if args.name is not None:
        _make_key(settings, args.name, args.rights or frozenset({PREDICT}))
    elif args.rights:
        raise SettingsError("say whose key shall have the rights: `python -m bentos key NAME --rights RIGHTS`")
    elif settings.api_keys_file:
        _list_keys(settings.api_keys_file)
    else:
        raise SettingsError("API_KEYS_FILE names no file, so there are no keys to list")


def _list_keys(path: Path) -> None:
    """A line for each name with the same rights; nothing from which a key could be known."""
    keys = Counter(caller for _, caller in read_keys(path))
    for (name, rights), number in keys.items():
        print(f"{name}: {', '.join(in_order(rights))}" + (f" ({number} keys)" if number > 1 else ""))


def _make_key(settings: Settings, name: str, rights: frozenset[str]) -> None:
    """The key alone on stdout, what became of it on stderr."""
    key, line = new_key(name, rights)
    if settings.api_keys_file:
        add_line(settings.api_keys_file, line)
        done = f"added to {settings.api_keys_file}; a running service knows it at once"
    else:
        done = f"put this line into the file that API_KEYS_FILE names: {line}"
    print(key)
    print(f"this is the key of {name} ({', '.join(in_order(rights))}), shown only now; {done}", file=sys.stderr)


if __name__ == "__main__":
    command.run(main)
