"""The service's chores: `python -m bentos build` and `python -m bentos migrate`."""

import argparse
import sys

from bentos.settings import Settings, SettingsError, read_settings
from bentos.store import StoreError
from bentos.store.open import store_name


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bentos",
        description="Pack the service, and prepare its database. Settings come from the environment or `.env`.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("build", help="a bento with the promoted versions baked in, to serve or containerize anywhere")
    verbs.add_parser("migrate", help="create the store's tables, or upgrade those of an older version")
    args = parser.parse_args()
    try:
        {"build": _build, "migrate": _migrate}[args.verb](read_settings())
    except (SettingsError, StoreError) as error:
        sys.exit(f"error: {error}")


def _build(settings: Settings) -> None:
    from bentos.build import BuildError, build

    print("reading the model registry ...", flush=True)
    try:
        bento, entries = build(settings)
    except BuildError as error:
        sys.exit(f"error: {error}")
    for entry in entries:
        print(f"version {entry.number} ({', '.join(entry.aliases)}): {entry.variant} {entry.digest[:8]}")
    print(f"built {bento.tag} at {bento.path}")
    print(f"serve it anywhere:  bentoml serve {bento.tag}")
    print(f"or as an image:     bentoml containerize {bento.tag}")


def _migrate(settings: Settings) -> None:
    if store_name(settings) == "sqlite":
        from bentos.store.sqlite_file import prepare

        prepare(settings.sqlite_path)
        print(f"the tables of {settings.sqlite_path} are as they should be")
        return
    from bentos.store.schema import migrate

    for line in migrate(settings) or ["the tables are as they should be"]:
        print(line)


if __name__ == "__main__":
    main()
