"""The service's call log, as `python -m bentos export calls` prints it."""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from registry.service_export import exported
from registry.versions import RegistryError


class LoggedCall(NamedTuple):
    """One call: the version's key, the label that it answered and the length of the text in characters."""

    version: str
    label: str
    characters: int


def read_calls(since: datetime) -> Iterator[LoggedCall]:
    """Every call since then, in no order. Raises RegistryError, possibly after some calls, when not all can be read."""
    outcome = yield from exported(LoggedCall, "calls", "--since", since.isoformat())
    if outcome.status:
        raise RegistryError(f"the call log cannot be read: {outcome.error}")
    sys.stderr.write(outcome.printed)
