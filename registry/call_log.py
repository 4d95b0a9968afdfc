"""The service's call log, read through `python -m bentos export calls`, so that the registry imports nothing of it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from registry.versions import RegistryError


class LoggedCall(NamedTuple):
    """One call: the version's key, the label that it answered and the length of the text in characters."""

    version: str
    label: str
    characters: int


def read_calls(since: datetime) -> Iterator[LoggedCall]:
    """Every call since then, in no order. Raises RegistryError, possibly after some calls, when not all can be read."""
    command = [sys.executable, "-m", "bentos", "export", "calls", "--since", since.isoformat()]
    with tempfile.TemporaryFile("w+") as messages:  # a pipe that is read last would block the export when it is full
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, text=True) as export:
            for line in export.stdout:
                yield LoggedCall(**json.loads(line))
        messages.seek(0)
        printed = messages.read()
    if export.returncode:
        raise RegistryError(f"the call log cannot be read: {printed.rpartition('error: ')[2].strip()}")
    sys.stderr.write(printed)
