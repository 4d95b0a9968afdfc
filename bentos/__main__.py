"""The service's chores: `python -m bentos build`, `python -m bentos migrate` and `python -m bentos key NAME`."""

import argparse
import sys

from bentos.callers.keys import add_line, new_key
from bentos.settings import Settings, SettingsError, read_settings
from bentos.store import StoreError
from bentos.store.backends import store_name


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bentos",
        description="Pack the service, prepare its database, make keys. Settings come from the environment or `.env`.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("build", help="a bento with the promoted versions baked in, to serve or containerize anywhere")
    verbs.add_parser("migrate", help="create the store's tables, or upgrade those of an older version")
    verbs.add_parser("key", help="make an API key for a caller").add_argument("name", help="what the caller is called")
    args = parser.parse_args()
    try:
        settings = read_settings()
        if args.verb == "key":
            _key(settings, args.name)
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
    if store_name(settings) == "sqlite":
        from bentos.store.sqlite.file import prepare

        prepare(settings.sqlite_path)
        print(f"the tables of {settings.sqlite_path} are as they should be")
        return
    from bentos.store.cassandra.schema import migrate

    for line in migrate(settings) or ["the tables are as they should be"]:
        print(line)


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
    main()
