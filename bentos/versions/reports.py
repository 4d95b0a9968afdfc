"""The reports of the served versions: for each one HTML file that loads nothing, beside the files that it predicts by.

A version of the registry, or of a bento, has it as REPORT. Copies are named by what they answer by, and versions that
answer alike may have been measured differently, so a copy has a report for each of them, under a name of its own.
"""

import hashlib
from pathlib import Path

from registry.versions import REPORT, Version

MAX_REPORT = 4 * 1024 * 1024  # bytes; a larger one is neither copied nor shown


def fingerprint_name(version: Version) -> str:
    """Names what belongs to this version alone, among those that share a copy."""
    return hashlib.sha256(version.fingerprint.encode()).hexdigest()[:16]


def name_in_copy(version: Version) -> str:
    return f"report-{fingerprint_name(version)}.html"


def report_of(folder: Path, version: Version) -> Path | None:
    """The version's report in its folder, or in its copy's; None where there is none, or one that is too large."""
    for name in (name_in_copy(version), REPORT):
        path = folder / name
        try:
            if path.is_file() and path.stat().st_size <= MAX_REPORT:
                return path
        except OSError:
            continue
    return None
