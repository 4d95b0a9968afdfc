"""Clean the corpora, split them so that near-twins stay in one split, and add the corrections of callers to train.

    python -m pipelines.prepare FEEDBACK OUT OUTSIDE

reads the corpora of params.yaml and writes OUT/{train,validation,test}.csv (`pipelines.data.splits`) of those to train
on, OUTSIDE/outside.csv of those that are only measured (`pipelines.data.corpora`), and a report.json with the counts of
every step beside each. FEEDBACK is the file that `pipelines.collect` writes; it need not exist, and neither need a
corpus that is optional.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines import params, stage
from pipelines.data import corpora, corrections, splits, stand_in
from pipelines.data.corpus import Broken, CorpusError, Raw, read_all

SHOWN = 10  # left-out rows that are printed, of each file
SUMMED = ("rows", "broken", "empty", "conflicting", "duplicates", "messages", "groups")


def prepare(raw: dict[str, Raw], settings: params.Prepare) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The messages (`corpora.COLUMNS`) of the corpora, and the counts of every step, in all and by corpus."""
    rows, counts = corpora.combine({name: one.rows for name, one in raw.items()}, settings)
    by_corpus = _with_rows(raw, counts)
    for name, own in by_corpus.items():
        own |= _count_splits(rows[rows["source"] == name])
    total = {key: sum(own[key] for own in by_corpus.values()) for key in SUMMED}
    return rows, total | {"groups": int(rows["group"].nunique()), "corpora": by_corpus}


def main() -> None:
    args = _arguments()
    loaded = params.load()
    settings = loaded.prepare
    try:
        trained, outside = (read_all(loaded.with_role(role)) for role in ("train", "outside"))
        sent = corrections.read(args.feedback)
        rows, report = prepare(trained, settings)
    except CorpusError as error:
        raise SystemExit(f"prepare: {error}") from error
    rows, outcomes, unusable = corrections.merge(rows, sent.rows, settings.twin_similarity)
    report["feedback"] = {"broken": len(sent.broken), **outcomes}
    report |= _count_splits(rows)
    _mark_stand_in(report, loaded.with_role("train"))
    splits.write(rows, args.out)
    _write_report(report, args.out)
    outside_report = write_outside(outside, rows, settings.twin_similarity, args.outside)
    for corpus in loaded.corpora:
        _print_corpus(corpus, (trained | outside).get(corpus.name))
    _print_left_out(args.feedback, sorted(sent.broken + unusable))
    for name, counts in (report["corpora"] | outside_report).items():
        print(f"prepare: {name}:", _format_counts(counts))
    if len(sent.rows) or sent.broken:
        print("prepare: of the feedback", _format_counts(report["feedback"]))


def write_outside(outside: dict[str, Raw], rows: pd.DataFrame, similarity: float, folder: Path) -> dict[str, Any]:
    """Write outside.csv and its report.json into `folder`: one of its own, so that no training depends on it."""
    table, counts = corpora.measured_outside({name: raw.rows for name, raw in outside.items()}, rows, similarity)
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "outside.csv", index=False)
    report = _with_rows(outside, counts)
    _write_report(report, folder)
    return report


def _with_rows(raw: dict[str, Raw], counts: dict[str, dict[str, int]]) -> dict[str, dict[str, Any]]:
    return {
        name: {"rows": len(one.rows) + len(one.broken), "broken": len(one.broken), **counts[name]}
        for name, one in raw.items()
    }


def _write_report(report: dict[str, Any], folder: Path) -> None:
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")


def _mark_stand_in(report: dict[str, Any], trained: list[params.Corpus]) -> None:
    """Mark the whole report, and its part of the corpus, where the file of one of these corpora is the stand-in."""
    for corpus in trained:
        mark = stand_in.mark_of_corpus(corpus.path)
        report["corpora"][corpus.name] |= mark
        report |= mark


def _count_splits(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    return {name: _count_labels(rows[rows["split"] == name]) for name in splits.SPLITS}


def _count_labels(rows: pd.DataFrame) -> dict[str, int]:
    return {"messages": len(rows), **rows["label"].value_counts().sort_index().to_dict()}


def _print_corpus(corpus: params.Corpus, raw: Raw | None) -> None:
    """What a person should know of how the corpus was read; it is None where it is optional and missing."""
    if raw is None:
        return print(f"prepare: {corpus.name}: not measured, since {corpus.path} is missing and optional")
    for label in raw.unused:
        print(f"prepare: warning: {corpus.name}: its label map has {label!r}, which no row of {corpus.path} has")
    _print_left_out(corpus.path, raw.broken)


def _print_left_out(path: Path, rows: Broken) -> None:
    for line, reason in rows[:SHOWN]:
        print(f"{path}:{line}: left out: {reason}")
    if len(rows) > SHOWN:
        print(f"{path}: {len(rows) - SHOWN} more rows left out")


def _format_counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in counts.items() if not isinstance(value, dict | str))


def _arguments() -> argparse.Namespace:
    return stage.parse(
        "prepare",
        __doc__,
        "pipelines/feedback.csv build/prepared build/outside",
        feedback="the corrections that `pipelines.collect` wrote; the file need not exist",
        out="the folder for the messages of the corpora to train on",
        outside="the folder for the messages of the corpora that are only measured",
    )


if __name__ == "__main__":
    stage.run(main)
