"""Files that belong to one version alone, among those that answer alike and so share a copy.

A version of the registry, or of a bento, has such a file under its plain name. A copy has one for each version that
shares it, under a name of its own.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from registry.versions import Version


def fingerprint_name(version: Version) -> str:
    """Names what belongs to this version alone."""
    return hashlib.sha256(version.fingerprint.encode()).hexdigest()[:16]


def first_of(folder: Path, names: Iterable[str], most: int) -> Path | None:
    """The first file there is of these, of `most` bytes at most; None where there is none."""
    for name in names:
        path = folder / name
        try:
            if path.is_file() and path.stat().st_size <= most:
                return path
        except OSError:
            continue
    return None
