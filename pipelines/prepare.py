"""Clean the corpus, split it so that near-twins stay in one split, and add the corrections of callers to train.

    python -m pipelines.prepare CORPUS FEEDBACK OUT

writes OUT/{train,validation,test}.csv (`pipelines.data.splits`) and OUT/report.json, the counts of every step. FEEDBACK
is the file that `pipelines.collect` writes; it need not exist.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from pipelines import params, stage
from pipelines.data import corpus, corrections, splits, stand_in
from pipelines.data.cleaning import deduplicate
from pipelines.data.twins import twin_groups

SHOWN = 10  # left-out rows that are printed, of each file


def prepare(raw: corpus.Raw, settings: params.Prepare) -> tuple[pd.DataFrame, dict]:
    """The messages (id, line, label, text, group, source, split) of the corpus, and the counts of every step."""
    rows, counts = deduplicate(raw.rows)
    rows["group"] = twin_groups(rows["text"].tolist(), settings.twin_similarity)
    rows["source"] = "corpus"
    rows["split"] = splits.assign_splits(rows, settings.test, settings.validation, settings.seed)
    report = {"rows": len(raw.rows) + len(raw.broken), "broken": len(raw.broken), **counts}
    return rows, report | {"messages": len(rows), "groups": int(rows["group"].nunique())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example: python -m pipelines.prepare data/SMSSpamCollection pipelines/feedback.csv build/prepared",
    )
    for name in ("corpus", "feedback", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    settings = params.load()
    try:
        raw = corpus.read(args.corpus, settings.corpus.label, settings.corpus.text)
        sent = corrections.read(args.feedback)
    except corpus.CorpusError as error:
        raise SystemExit(f"prepare: {error}") from error
    rows, report = prepare(raw, settings.prepare)
    rows, outcomes, unusable = corrections.merge(rows, sent.rows, settings.prepare.twin_similarity)
    report["feedback"] = {"broken": len(sent.broken), **outcomes}
    report |= {name: _count_labels(rows[rows["split"] == name]) for name in splits.SPLITS}
    report |= stand_in.mark_of_corpus(args.corpus)
    splits.write(rows, args.out)
    (args.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    _print_left_out(args.corpus, raw.broken)
    _print_left_out(args.feedback, sorted(sent.broken + unusable))
    print("prepare:", _format_counts(report))
    if len(sent.rows) or sent.broken:
        print("prepare: of the feedback", _format_counts(report["feedback"]))


def _count_labels(rows: pd.DataFrame) -> dict[str, int]:
    return {"messages": len(rows), **rows["label"].value_counts().sort_index().to_dict()}


def _print_left_out(path: Path, rows: corpus.Broken) -> None:
    for line, reason in rows[:SHOWN]:
        print(f"{path}:{line}: left out: {reason}")
    if len(rows) > SHOWN:
        print(f"{path}: {len(rows) - SHOWN} more rows left out")


def _format_counts(counts: dict) -> str:
    return ", ".join(f"{key} {value}" for key, value in counts.items() if not isinstance(value, dict | str))


if __name__ == "__main__":
    stage.run(main)
