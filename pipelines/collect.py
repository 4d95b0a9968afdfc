"""Write the callers' corrections to a corpus file, which `prepare` adds to the training split.

    python -m pipelines.collect [--output pipelines/feedback.csv]

The file has one row for each text that callers gave a label: text, label, source, corrected_at (the latest time),
callers (how many agree) and controls (characters in the text that change the direction of writing, and can make it look
like another text). A text is written cleaned, as `prepare` would clean it: a bare carriage return would end its row,
and a NUL would hide the file from `git diff`. A text that callers gave different labels is left out, and printed.
Anybody who may call may send corrections, so read the file (`git diff`) before `dvc repro`.

A row that you delete comes back with the next run, since the store keeps the correction. To refuse a text for good,
change its label to `rejected`: the row stays as it is, no other row is written for its text, and `prepare` ignores it.

The corrections come from `python -m bentos export corrections`, and so the store's settings are the service's.
"""

import csv
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from pipelines import params, stage
from pipelines.data.cleaning import clean, message_id
from pipelines.data.corpus import CorpusError
from pipelines.data.corrections import REJECTED, escape
from registry import command
from registry.service_export import exported

COLUMNS = ("text", "label", "source", "corrected_at", "callers", "controls")
SOURCE = "feedback"
DISPUTED, WAS_REJECTED = "whose label is disputed", "which were rejected"
SHOWN = 10  # disputed texts
DIRECTION_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class ExportError(Exception):
    """The corrections cannot be read; the message is the service's own sentence."""


class Correction(NamedTuple):
    """One caller's label for one text, when it was sent, and why it was asked for; empty where it was not asked for."""

    text: str
    label: str
    caller: str
    corrected_at: str
    reason: str


def collect(output: Path) -> str:
    """Replace `output` by the corrections in the store; returns a summary. Without corrections nothing is changed.

    Raises ExportError, CorpusError, OSError.
    """
    rejected = _rejected_rows(output)
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with open(part, "w", newline="", encoding="utf-8") as file:
            written, left_out = _write(_exported(), rejected, file)
        if not (written or left_out):
            return f"nothing: no caller has sent feedback; {output} is as it was"
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    labels = ", ".join(f"{count} {label}" for label, count in sorted(written.items()))
    others = "".join(f"; {count} left out, {reason}" for reason, count in sorted(left_out.items()))
    return f"{written.total()} texts ({labels or 'none'}) in {output}{others}"


def _exported() -> Iterator[Correction]:
    """Every correction, those of one text one after the other. Raises ExportError, perhaps after some of them."""
    outcome = yield from exported(Correction, "corrections")
    for line in outcome.printed.splitlines():
        if line.startswith("notice: "):
            print("collect:", line.removeprefix("notice: "))
    if outcome.status:
        raise ExportError(outcome.error)


def _rejected_rows(path: Path) -> list[dict[str, str]]:
    """The rows that a person rejected; none where there is no file. Raises CorpusError, OSError."""
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.DictReader(file, restval="") if row.get("label", "").strip() == REJECTED]
    except (UnicodeDecodeError, csv.Error) as error:  # if it went on, the rejections would be lost
        raise CorpusError(f"{path}: {error}") from error


def _write(
    corrections: Iterable[Correction], rejected: list[dict[str, str]], file: TextIO
) -> tuple[Counter[str], Counter[str]]:
    """Write the rejected rows, and one row for each other text on which the callers agree.

    Returns the number of texts of each label, and of those left out for each reason.
    """
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([clean(row.get(column, "")) for column in COLUMNS] for row in rejected)
    rejected_ids = {message_id(clean(row.get("text", ""))) for row in rejected}
    written, left_out = Counter(), Counter()
    for text, votes in _by_text(corrections):
        labels = Counter(vote.label for vote in votes)
        if message_id(escape(clean(text))) in rejected_ids:
            left_out[WAS_REJECTED] += 1
        elif len(labels) > 1:
            left_out[DISPUTED] += 1
            if left_out[DISPUTED] <= SHOWN:
                counts = ", ".join(f"{label} by {callers}" for label, callers in sorted(labels.items()))
                print(f"collect: left out, {counts}: {text[:80]!r}")
        else:
            rows.writerow(_row(text, votes))
            written[votes[0].label] += 1
    return written, left_out


def _row(text: str, votes: list[Correction]) -> list[str]:
    latest = max(datetime.fromisoformat(vote.corrected_at) for vote in votes).isoformat(timespec="seconds")
    controls = " ".join(f"U+{ord(character):04X}" for character in text if character in DIRECTION_CONTROLS)
    return [escape(clean(text)), votes[0].label, SOURCE, latest, str(len(votes)), controls]


def _by_text(corrections: Iterable[Correction]) -> Iterator[tuple[str, list[Correction]]]:
    """The corrections of each text, which follow one another."""
    votes: list[Correction] = []
    for correction in corrections:
        if votes and correction.text != votes[0].text:
            yield votes[0].text, votes
            votes = []
        votes.append(correction)
    if votes:
        yield votes[0].text, votes


def main() -> None:
    parser = stage.parser("collect", __doc__, "--output pipelines/feedback.csv")
    parser.description += " To refuse a text for good, change its label in that file to `rejected`."
    parser.add_argument("--output", type=Path, help="the file to write; default: prepare.feedback of params.yaml")
    output = parser.parse_args().output or params.load().prepare.feedback
    try:
        print("collect:", collect(output))
    except (ExportError, CorpusError, OSError) as error:
        sys.exit(f"collect: {error}")


if __name__ == "__main__":
    command.run(main)
