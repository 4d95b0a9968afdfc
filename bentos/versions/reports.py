"""The reports of the served versions: each one HTML file that loads nothing, beside the files that it predicts by."""

from pathlib import Path

from bentos.versions.own_files import fingerprint_name, first_of
from registry.versions import REPORT, Version

MAX_REPORT = 4 * 1024 * 1024  # bytes; a larger one is neither copied nor shown


def name_in_copy(version: Version) -> str:
    return f"report-{fingerprint_name(version)}.html"


def report_of(folder: Path, version: Version) -> Path | None:
    """The version's report in its folder, or in its copy's; None where there is none, or one that is too large."""
    return first_of(folder, (name_in_copy(version), REPORT), MAX_REPORT)
