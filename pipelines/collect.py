"""Write what callers corrected as a corpus file, which `prepare` merges into what is trained on.

    python -m pipelines.collect [--output pipelines/feedback.csv]

The file has a row for each text that callers gave a label: text, label, source, corrected_at (the latest time) and
callers (how many said so). A text stands there cleaned, as `prepare` would clean it: a bare carriage return would end
its row, and a NUL would hide the file from `git diff`. Where callers give one text different labels nobody is believed:
it is told, and left out. Everyone who may call may say anything, so read the file (`git diff`) before `dvc repro`.

A row that is deleted comes back, since the store keeps what was said. To refuse a text for good, change its label to
`rejected`: such a row stays as it is, no other is written for its text, and `prepare` trains on none.

The store is the service's, and so are its settings, the environment and `.env`.
"""

import argparse
import asyncio
import csv
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TextIO

from bentos.settings import Settings, SettingsError, read_settings

# The one place where the pipeline knows the service: what it collects lies in the service's store.
from bentos.store import Correction, StoreError, timeuuid
from bentos.store.backends import open_store, store_name
from bentos.store.spool import CORRECTIONS, Spool
from pipelines import params
from pipelines.data.cleaning import clean, message_id
from pipelines.data.corpus import CorpusError
from pipelines.data.corrections import REJECTED

COLUMNS = ("text", "label", "source", "corrected_at", "callers")
SOURCE = "feedback"
DISPUTED = "whose label is disputed"
SHOWN = 10  # disputes


async def collect(settings: Settings, output: Path) -> str:
    """Replace `output` by what is in the store now and not rejected there, and say what it holds.

    An empty store changes nothing. Raises StoreError, CorpusError, OSError.
    """
    if store_name(settings) == "sqlite" and not settings.sqlite_path.exists():
        return f"nothing: {settings.sqlite_path} does not exist"
    if store_name(settings) != "sqlite" and settings.spool_path.exists():
        await _tell_what_waits(settings.spool_path)
    rejected = _rejected(output)
    part = output.with_name(f".{output.name}.{os.getpid()}")
    store = await open_store(settings)
    try:
        with open(part, "w", newline="", encoding="utf-8") as file:
            written, left_out = await _write(store.corrections(), rejected, file)
        if not (written or left_out):
            return f"nothing: no caller has sent feedback; {output} is as it was"
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
        await store.close()
    labels = ", ".join(f"{count} {label}" for label, count in sorted(written.items()))
    others = "".join(f"; {count} left out, {why}" for why, count in sorted(left_out.items()))
    return f"{written.total()} texts ({labels or 'none'}) in {output}{others}"


async def _tell_what_waits(path: Path) -> None:
    """Say how many corrections are in a spool of this host and not yet in the store. Raises StoreError."""
    spool = Spool(path)
    try:
        if waiting := await spool.count([CORRECTIONS]):
            print(f"collect: {waiting} corrections wait for the database in {path}: collect again once it has them")
    finally:
        await spool.close()


def _rejected(path: Path) -> list[dict[str, str]]:
    """The rows that a person rejected; none where there is no file. Raises CorpusError, OSError."""
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.DictReader(file, restval="") if row.get("label", "").strip() == REJECTED]
    except (UnicodeDecodeError, csv.Error) as error:  # to go on would forget what was rejected
        raise CorpusError(f"{path}: {error}") from error


async def _write(
    corrections: AsyncIterator[Correction], rejected: list[dict[str, str]], file: TextIO
) -> tuple[Counter[str], Counter[str]]:
    """Write the rejected rows, and one for each other text whose label is agreed on.

    Returns how many texts have each label, and how many are left out for which reason.
    """
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows([clean(row.get(column, "")) for column in COLUMNS] for row in rejected)
    refused = {message_id(clean(row.get("text", ""))) for row in rejected}
    written, left_out = Counter(), Counter()
    async for text, said in _by_text(corrections):
        if message_id(clean(text)) in refused:
            left_out["which were rejected"] += 1
            continue
        labels = Counter(correction.label for correction in said)
        if len(labels) > 1:
            left_out[DISPUTED] += 1
            if left_out[DISPUTED] <= SHOWN:
                told = ", ".join(f"{label} by {callers}" for label, callers in sorted(labels.items()))
                print(f"collect: left out, {told}: {text[:80]!r}")
            continue
        (label,) = labels
        latest = max(timeuuid.moment(correction.corrected_at) for correction in said)
        rows.writerow((clean(text), label, SOURCE, latest.isoformat(timespec="seconds"), len(said)))
        written[label] += 1
    return written, left_out


async def _by_text(corrections: AsyncIterator[Correction]) -> AsyncIterator[tuple[str, list[Correction]]]:
    """The corrections of each text, which the store gives one after the other."""
    said: list[Correction] = []
    async for correction in corrections:
        if said and correction.input != said[0].input:
            yield said[0].input, said
            said = []
        said.append(correction)
    if said:
        yield said[0].input, said


def main() -> None:
    epilog = "To refuse a text for good, change its label in the file to `rejected`: such a row stays as it is."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=epilog)
    parser.add_argument("--output", type=Path, help="default: prepare.feedback of params.yaml")
    output = parser.parse_args().output or params.load().prepare.feedback
    logging.getLogger("bentos").setLevel(logging.CRITICAL)  # what fails is raised, too, and told once
    try:
        print("collect:", asyncio.run(collect(read_settings(), output)))
    except (SettingsError, StoreError, CorpusError, OSError) as error:
        sys.exit(f"collect: {error}")


if __name__ == "__main__":
    main()
