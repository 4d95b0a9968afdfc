"""Clean the corpus, split it so that no near-twin of a test message is trained on, and add the corrections of callers.

    python -m pipelines.prepare CORPUS FEEDBACK OUT

writes OUT/{train,validation,test}.csv (id, line, group, label, text; train also source) and OUT/report.json, the count
of every step. FEEDBACK is the file that `pipelines.collect` writes; it need not exist.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import params
from pipelines.data import corpus, corrections
from pipelines.data.messages import cleaned, twins

SPLITS = ("train", "validation", "test")
COLUMNS = ["id", "line", "group", "label", "text"]
SHOWN = 10  # rows that are left out, of each file


def deduplicate(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """One row for each distinct message, and none where two of them disagree on its label; with the counts.

    `rows` has line, label, text; the result has id, line, label, text.
    """
    rows = cleaned(rows)
    filled = rows[(rows["text"] != "") & (rows["label"] != "")]
    agreed = filled[filled.groupby("id")["label"].transform("nunique") == 1]
    distinct = agreed.drop_duplicates("id").reset_index(drop=True)
    counts = {
        "empty": len(rows) - len(filled),
        "conflicting": len(filled) - len(agreed),
        "duplicates": len(agreed) - len(distinct),
    }
    return distinct[["id", "line", "label", "text"]], counts


def split(rows: pd.DataFrame, test: float, validation: float, seed: int) -> pd.Series:
    """Each row's split, by group and stratified by label. `rows` has group and label."""
    names = pd.Series("train", index=rows.index, dtype=object)
    names[_part(rows, test, seed)] = "test"
    rest = rows[names == "train"]
    names[_part(rest, validation / (1 - test), seed)] = "validation"
    return names


def _part(rows: pd.DataFrame, share: float, seed: int) -> pd.Index:
    folds = StratifiedGroupKFold(n_splits=round(1 / share), shuffle=True, random_state=seed)
    labels = rows["label"].to_numpy(dtype=object)
    _, chosen = next(folds.split(labels, labels, rows["group"].to_numpy()))
    return rows.index[chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("corpus", "feedback", "out"):
        parser.add_argument(name, type=Path)
    args = parser.parse_args()
    settings = params.load()
    try:
        raw = corpus.read(args.corpus, settings.corpus.label, settings.corpus.text)
        sent = corrections.read(args.feedback)
    except corpus.CorpusError as error:
        raise SystemExit(f"prepare: {error}") from error

    rows, counts = deduplicate(raw.rows)
    rows["group"] = twins(rows["text"].tolist(), settings.prepare.twin_similarity)
    rows["source"] = "corpus"
    rows["split"] = split(rows, settings.prepare.test, settings.prepare.validation, settings.prepare.seed)
    report = {"rows": len(raw.rows) + len(raw.broken), "broken": len(raw.broken), **counts}
    report |= {"messages": len(rows), "groups": int(rows["group"].nunique())}
    rows, merged, unusable = corrections.merge(rows, sent.rows, settings.prepare.twin_similarity)
    report |= {"feedback": {"broken": len(sent.broken), **merged}}
    _write(rows, args.out, report)
    _tell(args.corpus, raw.broken)
    _tell(args.feedback, sorted(sent.broken + unusable))
    print("prepare:", _listed(report))
    if len(sent.rows) or sent.broken:
        print("prepare: of the feedback", _listed(report["feedback"]))


def _write(rows: pd.DataFrame, out: Path, report: dict) -> None:
    """The tables and the report. Only train says where a message comes from: the others hold the corpus alone."""
    out.mkdir(parents=True, exist_ok=True)
    for name in SPLITS:
        part = rows[rows["split"] == name]
        part[COLUMNS + ["source"] * (name == "train")].to_csv(out / f"{name}.csv", index=False)
        report[name] = {"messages": len(part), **part["label"].value_counts().sort_index().to_dict()}
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n")


def _tell(path: Path, left_out: list[tuple[int, str]]) -> None:
    for line, why in left_out[:SHOWN]:
        print(f"{path}:{line}: left out: {why}")
    if len(left_out) > SHOWN:
        print(f"{path}: {len(left_out) - SHOWN} more rows left out")


def _listed(counts: dict) -> str:
    return ", ".join(f"{key} {value}" for key, value in counts.items() if not isinstance(value, dict))


if __name__ == "__main__":
    main()
