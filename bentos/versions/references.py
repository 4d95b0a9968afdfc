"""What the served versions were trained on, as histograms: what their calls are compared with.

A version has them in its evaluation, a file that belongs to it alone (`own_files`).
"""

import logging
from pathlib import Path

from bentos.versions.own_files import fingerprint_name, first_of
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
    return first_of(folder, (name_in_copy(version), DETAILS), MAX_DETAILS)


def reference_of(folder: Path, version: Version) -> TextProfile | None:
    """The profile of the version's training set; None where it was registered without one, or it cannot be read."""
    path = details_of(folder, version)
    try:
        profile = EvaluationDetails.read(path).training if path else None
        return profile if profile and profile.histograms() else None
    except (OSError, ValueError) as error:
        logger.warning("the drift of version %s is not measured: %s: %s", version.number, path, type(error).__name__)
        return None
