"""The service's call log and its callers' corrections, as `python -m bentos export` prints them."""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from registry.errors import RegistryError
from registry.service_export import exported

CORRECTION, SHADOW = "correction", "shadow"  # sources of calls that no version answered a caller with


class LoggedCall(NamedTuple):
    """One call: the version's key, the label that it answered and the length of the text in characters.

    `probability` is the label's, None where it is not known; `alias` is the one that the routing chose, empty where the
    call named a version; `source` is `model`, `correction` (the caller's own label) or `shadow`. `text_sha256` is in
    hex, `called_at` in ISO 8601.
    """

    version: str
    label: str
    characters: int
    probability: float | None
    alias: str
    source: str
    from_cache: bool
    text_sha256: str
    called_at: str


class Correction(NamedTuple):
    """One person's label for one text, when it was given (ISO 8601), and why it was asked for, empty if it was not."""

    text: str
    label: str
    caller: str
    corrected_at: str
    reason: str = ""


def read_calls(since: datetime) -> Iterator[LoggedCall]:
    """Every call since then, in no order. Raises RegistryError, possibly after some calls, when not all can be read."""
    outcome = yield from exported(LoggedCall, "calls", "--since", since.isoformat())
    if outcome.status:
        raise RegistryError(f"the call log cannot be read: {outcome.error}")
    sys.stderr.write(outcome.printed)
