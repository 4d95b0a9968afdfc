"""Compare the variants and the baseline by repeated cross-validation on the main corpus, without its test split.

    python -m pipelines.crossval [CANDIDATE...] [--search] [--repeats 3] [--record FILE]
    python -m pipelines.crossval [CANDIDATE...] --leave-out [--record FILE]

A candidate is a variant of params.yaml, one of its section `search`, or `baseline`; the default is the variants and the
baseline.

Near-twins stay in one fold, labels are spread evenly, and all candidates get the same folds. The messages of the other
corpora that a candidate is trained on are added to each fold's training. Folds run on all cores, or with
`--dask tcp://HOST:8786` on a Dask cluster whose workers have the same code; the figures are the same to the bit. A fold
that was run before, by the same code with the same parameters on the same messages, is not run again.
OUT (build/crossval) then has

| file | what |
| --- | --- |
| CANDIDATE/REPEAT-FOLD.json | the predictions for the held-out messages of one fold |
| crossval.json | means, intervals, and the paired tests against the references (`--against`), with the parameters |
| table.md | its table |
| folds.csv, folds.png | each fold's metrics, a row for each candidate |
| curve.png | spam caught against ham blocked, and precision against recall, in the corner that matters |
| hardest.csv | the messages to catch that have the most others ranked above them |

MLflow gets a run with a nested one for each candidate, to compare in its UI. `--record` also writes crossval.json to
FILE, for the model cards.

`--leave-out` holds out a whole corpus at a time, or a part of a corpus that has parts: how good is the model on
messages from somewhere else? OUT then has leave_out.json and leave_out.md (`pipelines.measure.leave_out`).
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import held_out, params, stage, tracking
from pipelines.data import splits
from pipelines.hashing import sha256_of_files
from pipelines.held_out import BASELINE, CODE, FOLDS, ClusterError, Task
from pipelines.measure import crossval_record, crossval_report, leave_out
from pipelines.measure.folds import FoldPredictions
from registry.errors import RegistryError
from registry.markdown import print_markdown


def choose(names: list[str], loaded: params.Params) -> dict[str, params.Variant | None]:
    """The candidates of these names, None for the baseline. Raises SystemExit for a name that is no candidate's."""
    known = {BASELINE: None, **loaded.candidates}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no candidate {', '.join(unknown)}; there are: {', '.join(known)}")
    return {name: known[name] for name in names}


def main() -> None:
    args = _arguments()
    loaded = params.load(args.params)
    names = args.candidates or [BASELINE, *loaded.variants]
    chosen = choose(names + [name for name in loaded.search if args.search and name not in names], loaded)
    everything = crossval_record.messages(args.prepared, [corpus.name for corpus in loaded.with_role("train")])
    if args.leave_out:
        return _leave_out(args, chosen, everything, loaded.positive)
    positive, seed = loaded.positive, loaded.prepare.seed
    main = [i for i, corpus in enumerate(everything.corpora) if corpus == loaded.main.name]
    split, others = everything.part(np.array(main)), np.setdiff1d(np.arange(len(everything.ids)), main)
    drawn = list(held_out.draw_folds(split, args.repeats, seed))
    whole = splits.join([split, everything.part(others)])  # the main corpus's messages first: positions stay the same
    added = np.arange(len(split.ids), len(whole.ids))
    folds = [(repeat, fold, np.concatenate([rest, added]), held) for repeat, fold, rest, held in drawn]
    tasks = [  # the baseline knows the main corpus alone
        task
        for name, candidate in chosen.items()
        for task in held_out.tasks(name, candidate, whole, folds if candidate else drawn, args.out)
    ]
    predictions = _run(args, tasks, whole, positive)
    candidates = crossval_record.summarise(predictions, split, positive, args.against)
    for name, candidate in chosen.items():
        candidates[name]["parameters"] = candidate.model_dump() if candidate else {}
    record = _write_record(args, len(split.ids), everything, candidates)
    files = crossval_report.write(args.out, candidates, predictions, split, positive, args.against)
    tracking.log_crossval(candidates, pd.read_csv(args.out / "folds.csv"), [record, *files])


def _leave_out(
    args: argparse.Namespace, chosen: dict[str, params.Variant | None], split: splits.Split, positive: str
) -> None:
    """Hold out each origin, and write the record and its table."""
    folds, out = list(held_out.leave_out_folds(split)), args.out / "leave_out"
    tasks = [task for name, candidate in chosen.items() for task in held_out.tasks(name, candidate, split, folds, out)]
    predictions = _run(args, tasks, split, positive)
    record = leave_out.summarise(predictions, split, positive, args.against)
    record |= {"messages_sha256": crossval_record.messages_sha256(split), "code_sha256": sha256_of_files(CODE)}
    for file in (args.out / "leave_out.json", args.record):
        if file:
            file.write_text(json.dumps(record, indent=2) + "\n")
    table = leave_out.format_table(record)
    (args.out / "leave_out.md").write_text(table + "\n")
    print_markdown(table)


def _run(
    args: argparse.Namespace, tasks: list[Task], split: splits.Split, positive: str
) -> dict[str, list[FoldPredictions]]:
    held_out.run(tasks, split, split.labels.index(positive), args.jobs, args.dask)
    return held_out.predictions(tasks, split)


def _write_record(
    args: argparse.Namespace, messages: int, everything: splits.Split, candidates: dict[str, dict]
) -> Path:
    """crossval.json in OUT, and in the file of `--record`; `messages` were held out, `everything` was trained on."""
    record = {
        "repeats": args.repeats,
        "folds": FOLDS,
        "messages": messages,
        "hardest": crossval_record.HARDEST,
    }
    record |= {
        "messages_sha256": crossval_record.messages_sha256(everything),
        "code_sha256": sha256_of_files(CODE),
    }
    content = json.dumps({**record, "candidates": candidates}, indent=2) + "\n"
    for file in (args.out / "crossval.json", args.record):
        if file:
            file.write_text(content)
    return args.out / "crossval.json"


def _arguments() -> argparse.Namespace:
    parser = stage.parser("crossval", __doc__, "baseline linear --repeats 1")
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help="default: the variants and the baseline")
    parser.add_argument("--search", action="store_true", help="the candidates of the section `search` too")
    parser.add_argument("--leave-out", action="store_true", help="hold out whole corpora and parts instead of folds")
    parser.add_argument("--repeats", type=int, default=3, help="how often all folds are drawn anew; default 3")
    parser.add_argument(
        "--against",
        nargs="+",
        default=[BASELINE, "linear"],
        help="the candidates that the others are tested against",
    )
    parser.add_argument("--jobs", type=int, default=-1, help="how many folds at a time; default: one for each core")
    parser.add_argument("--dask", metavar="ADDRESS", help="run the folds on the Dask cluster of this scheduler instead")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write crossval.json to FILE too, for model cards")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="default: params.yaml")
    parser.add_argument("--prepared", type=Path, default=Path("build/prepared"), help="default: build/prepared")
    parser.add_argument("--out", type=Path, default=Path("build/crossval"), help="default: build/crossval")
    return parser.parse_args()


if __name__ == "__main__":
    stage.run(main, ClusterError, RegistryError)
