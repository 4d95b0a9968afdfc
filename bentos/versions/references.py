"""What the served versions were trained on, as histograms: what their calls are compared with.

A version of the registry, or of a bento, has them in its evaluation. A copy has that file for each of the versions that
answer alike, as it has their reports.
"""

import logging
from pathlib import Path

from bentos.versions.reports import fingerprint_name
from registry.model.evaluation import EvaluationDetails
from registry.model.profile import TextProfile
from registry.versions import EVALUATION, Version

DETAILS = f"{EVALUATION}/details.json"
MAX_DETAILS = 4 * 1024 * 1024  # bytes; a larger one is neither copied nor read

logger = logging.getLogger(__name__)


def name_in_copy(version: Version) -> str:
    return f"details-{fingerprint_name(version)}.json"


def details_of(folder: Path, version: Version) -> Path | None:
    """The version's evaluation in its folder, or in its copy's; None where there is none, or one that is too large."""
    for name in (name_in_copy(version), DETAILS):
        path = folder / name
        try:
            if path.is_file() and path.stat().st_size <= MAX_DETAILS:
                return path
        except OSError:
            continue
    return None


def reference_of(folder: Path, version: Version) -> TextProfile | None:
    """The profile of the version's training set; None where it was registered without one, or it cannot be read."""
    path = details_of(folder, version)
    try:
        profile = EvaluationDetails.read(path).training if path else None
        return profile if profile and profile.histograms() else None
    except (OSError, ValueError) as error:
        logger.warning("the drift of version %s is not measured: %s: %s", version.number, path, type(error).__name__)
        return None
