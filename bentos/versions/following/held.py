"""The versions that the workers of a service hold, in the file held.json that they share.

It may name more than the registry does: an alias that points to a broken version stays on the one before it. A new
worker starts with these versions, so that all workers of a service answer alike.
"""

import os
from pathlib import Path

from bentos.versions.catalogue import Catalogue, Entry, dumps, loads
from bentos.versions.loaded import ServedVersions
from bentos.versions.loading import load

FILE = "held.json"


def read_held(folder: Path) -> ServedVersions:
    """The versions in the file, loaded; none where no worker has written it yet."""
    return load(Catalogue(_entries(folder)))


def write_held(folder: Path, served: ServedVersions, catalogue: Catalogue | None) -> None:
    """Replace the file by the versions served now: those of the catalogue, and those held though it lacks them."""
    listed = (*_entries(folder), *(catalogue.entries if catalogue else ()))
    folders = {entry.version.key: entry.folder for entry in listed}
    held = [Entry(loaded.version, folders[loaded.key]) for loaded in served.versions if loaded.key in folders]
    new = folder / f"{FILE}.{os.getpid()}"
    new.write_text(dumps(Catalogue(tuple(held))))
    new.replace(folder / FILE)


def _entries(folder: Path) -> tuple[Entry, ...]:
    path = folder / FILE
    return loads(path.read_bytes()).entries if path.exists() else ()
