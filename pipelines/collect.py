"""Write the callers' corrections to a corpus file, which `prepare` adds to the training split.

    python -m pipelines.collect [--output pipelines/feedback.csv] [--reviewed]

The file has one row for each text that callers gave a label: text, label, source, corrected_at (the latest time),
callers (how many agree), controls (characters in the text that change the direction of writing, and can make it look
like another text) and reason (why a reviewer was asked; empty for callers' own corrections). A text is written cleaned,
as `prepare` would clean it: a bare carriage return would end its row,
and a NUL would hide the file from `git diff`. A text that callers gave different labels is left out, and printed.
Anybody who may call may send corrections, so read the file (`git diff`) before `dvc repro`.

A row that you delete comes back with the next run, since the store keeps the correction. To refuse a text for good,
change its label to `rejected`: the row stays as it is, no other row is written for its text, and `prepare` ignores it.

With `--reviewed`, only the labels of reviewers are read from the store; rows of callers' own corrections stay as they
are in the file, since a person has let them in, unless a reviewer has labelled their text.

The corrections come from `python -m bentos export corrections`, and so the store's settings are the service's.
"""

import csv
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TextIO

from pipelines import params, stage
from pipelines.data.cleaning import clean, message_id
from pipelines.data.corpus import CorpusError
from pipelines.data.corrections import REJECTED, escape
from registry import command
from registry.call_log import Correction
from registry.service_export import exported

COLUMNS = ("text", "label", "source", "corrected_at", "callers", "controls", "reason")
SOURCE = "feedback"
DISPUTED, WAS_REJECTED = "whose label is disputed", "which were rejected"
SHOWN = 10  # disputed texts
DIRECTION_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class ExportError(Exception):
    """The corrections cannot be read; the message is the service's own sentence."""


def collect(output: Path, reviewed: bool = False, earlier: Path | None = None) -> str:
    """Replace `output` by the corrections in the store; returns a summary. Without corrections nothing is changed.

    The rows that a person rejected are those of the file `earlier`, by default of `output`. `reviewed`: only reviewers'
    labels are collected, and the other rows of that file are kept.
    Raises ExportError, CorpusError, OSError.
    """
    rows = read_rows(earlier or output)
    rejected = [row for row in rows if is_rejected(row)]
    kept = [row for row in rows if reviewed and not (is_rejected(row) or row.get("reason"))]
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with open(part, "w", newline="", encoding="utf-8") as file:
            corrections = (correction for correction in _exported() if correction.reason or not reviewed)
            written, left_out = _write(corrections, rejected, kept, file)
        if not (written or left_out):
            who = "reviewer has labelled a text" if reviewed else "caller has sent feedback"
            return f"nothing: no {who}; {output} is as it was"
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


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file of corrections; none where there is no file. Raises CorpusError, OSError."""
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:  # if it went on, the rejections would be lost
        raise CorpusError(f"{path}: {error}") from error


def is_rejected(row: dict[str, str]) -> bool:
    return row.get("label", "").strip() == REJECTED


def _id(row: dict[str, str]) -> str:
    return message_id(clean(row.get("text", "")))


def _write(
    corrections: Iterable[Correction], rejected: list[dict[str, str]], kept: list[dict[str, str]], file: TextIO
) -> tuple[Counter[str], Counter[str]]:
    """Write the rejected rows, one row for each other text on which the callers agree, and the kept rows of the rest.

    Returns the number of texts of each label, and of those left out for each reason.
    """
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(_cells(row) for row in rejected)
    rejected_ids = {_id(row) for row in rejected}
    remaining = {_id(row): row for row in kept}
    written, left_out = Counter(), Counter()
    for text, votes in _by_text(corrections):
        labels = Counter(vote.label for vote in votes)
        identity = message_id(escape(clean(text)))
        if identity in rejected_ids:
            left_out[WAS_REJECTED] += 1
            continue
        remaining.pop(identity, None)
        if len(labels) > 1:
            left_out[DISPUTED] += 1
            if left_out[DISPUTED] <= SHOWN:
                counts = ", ".join(f"{label} by {callers}" for label, callers in sorted(labels.items()))
                print(f"collect: left out, {counts}: {text[:80]!r}")
        else:
            rows.writerow(_row(text, votes))
            written[votes[0].label] += 1
    rows.writerows(_cells(row) for row in remaining.values())
    return written, left_out


def _cells(row: dict[str, str]) -> list[str]:
    return [clean(row.get(column, "")) for column in COLUMNS]


def _row(text: str, votes: list[Correction]) -> list[str]:
    latest = max(datetime.fromisoformat(vote.corrected_at) for vote in votes).isoformat(timespec="seconds")
    controls = " ".join(f"U+{ord(character):04X}" for character in text if character in DIRECTION_CONTROLS)
    reasons = " ".join(sorted({vote.reason for vote in votes if vote.reason}))
    return [escape(clean(text)), votes[0].label, SOURCE, latest, str(len(votes)), controls, reasons]


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
    parser.add_argument("--reviewed", action="store_true", help="only what reviewers labelled; other rows are kept")
    args = parser.parse_args()
    output = args.output or params.load().prepare.feedback
    try:
        print("collect:", collect(output, args.reviewed))
    except (ExportError, CorpusError, OSError) as error:
        sys.exit(f"collect: {error}")


if __name__ == "__main__":
    command.run(main)
