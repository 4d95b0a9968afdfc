"""The labels that people gave to texts, as `python -m bentos export corrections` prints them, in three samples.

RANDOM has those that reviewers gave to calls drawn at random, SELECTED those that they gave to texts chosen for another
reason, such as a probability near the threshold, and CALLERS those that callers sent unasked. A text may be in several
samples. It is left out of one in which its labels differ: for the reviewers' samples only reviewers' labels count, so
that no caller can take a text out of the unbiased one.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import groupby

from registry.call_log import Correction
from registry.errors import RegistryError
from registry.service_export import exported

RANDOM, SELECTED, CALLERS = "random", "selected", "callers"
SAMPLES = {  # by name, and whether a figure of it is biased
    RANDOM: "unbiased: reviewers' labels of calls drawn at random",
    SELECTED: "biased towards hard texts: reviewers' labels of texts chosen for another reason",
    CALLERS: "biased towards mistakes: callers' own corrections",
}


@dataclass
class Sample:
    """The label of each text by the SHA-256 of the text, in hex, and how many texts were left out: labels differ."""

    labels: dict[str, str] = field(default_factory=dict)
    disputed: int = 0

    def add(self, digest: str, labels: set[str]) -> None:
        if len(labels) == 1:
            (self.labels[digest],) = labels
        else:
            self.disputed += 1


def read_corrections() -> Iterator[Correction]:
    """Every correction, those of one text one after the other. Raises RegistryError, possibly after some of them."""
    outcome = yield from exported(Correction, "corrections")
    if outcome.status:
        raise RegistryError(f"the corrections cannot be read: {outcome.error}")
    sys.stderr.write(outcome.printed)  # such as that some wait in a spool


def samples_of(corrections: Iterable[Correction], since: datetime) -> dict[str, Sample]:
    """The samples by name; `corrections` of one text follow one another.

    A label of RANDOM counts only if it was given since then: texts that were drawn before and are asked again would
    make texts that are asked often too frequent in it.
    """
    samples = {name: Sample() for name in SAMPLES}
    for text, rows in groupby(corrections, key=lambda correction: correction.text):
        given = list(rows)
        digest = sha256(text.encode(errors="surrogatepass")).hexdigest()
        for name in {_sample(row, since) for row in given} - {None}:
            labels = {row.label for row in given if row.reason or name == CALLERS}
            samples[name].add(digest, labels)
    return samples


def _sample(correction: Correction, since: datetime) -> str | None:
    if correction.reason == RANDOM:
        return RANDOM if datetime.fromisoformat(correction.corrected_at) >= since else None
    return SELECTED if correction.reason else CALLERS
