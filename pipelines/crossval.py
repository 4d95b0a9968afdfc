"""Compare the variants and the linear baseline by repeated cross-validation, the test split left out.

    python -m pipelines.crossval [CANDIDATE...] [--search] [--repeats 3] [--record FILE]

A candidate is a variant of params.yaml, one of its section `search`, or `baseline`; the variants and the baseline if
none is named.

Near-twins stay in one fold, labels are spread evenly, and every candidate meets the same folds. A fold that was run
before, by the same code with the same parameters on the same messages, is not run again. OUT (build/crossval) then has

| file | what |
| --- | --- |
| CANDIDATE/REPEAT-FOLD.json | the held-out answers of one fold |
| folds.csv | each fold's metrics, a row for each candidate |
| comparison.json | means, intervals, and the paired tests against the references (`--against`), with the parameters |
| comparison.md | its table |
| comparison.png | the candidates' folds side by side |
| curve.png | spam caught against ham blocked, and precision against recall, in the corner that matters |
| hardest.csv | the messages to catch that the most others rank above |

MLflow gets a run with a nested one for each candidate, to compare in its UI. `--record` keeps comparison.json as the
measurement that model cards show.
"""

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import baseline, params, tracking, train
from pipelines.data import splits
from pipelines.hashing import sha256_of_files, sha256_of_json
from pipelines.measure import crossval_record, crossval_report
from pipelines.measure.crossval_record import messages
from pipelines.measure.folds import Held
from pipelines.model.batches import probabilities

FOLDS = 5
BASELINE = "baseline"
TEXT = [Path("registry/model") / name for name in ("normalise.py", "tokenizer.py")]
CODE = [*train.CODE, *TEXT, Path(baseline.__file__)]


def folds(split: splits.Split, repeats: int, seed: int) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """(repeat, fold, positions to train on, positions held out); each repeat holds out every message once."""
    for repeat in range(repeats):
        drawn = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (rest, held) in enumerate(drawn.split(split.actual, split.actual, split.groups)):
            yield repeat, fold, rest, held


def answers(candidate: params.Variant | None, rest: splits.Split, held: splits.Split, positive: int) -> dict:
    """Train on `rest`, answer `held`; None is the baseline."""
    if candidate is None:
        model = baseline.linear().fit(rest.texts, rest.actual)
        scores, predicted = baseline.scores(model, held.texts, positive), model.predict(held.texts)
    else:
        model, tokenizer = train.fit(candidate, rest)
        found = probabilities(model, [tokenizer.encode(text) for text in held.texts])
        scores, predicted = found[:, positive], found.argmax(axis=1)
    return {"predicted": predicted.tolist(), "scores": scores.astype(float).tolist()}


def run(
    name: str, candidate: params.Variant | None, split: splits.Split, positive: int, repeats: int, seed: int, out: Path
) -> list[Held]:
    """The candidate's answers in every fold, those that are on disk already read from there."""
    settings = candidate.model_dump_json() if candidate else BASELINE
    done = []
    for repeat, fold, rest, held in folds(split, repeats, seed):
        file = out / name / f"{repeat}-{fold}.json"
        drawn = [settings, sha256_of_files(CODE), [split.ids[i] for i in rest], [split.ids[i] for i in held]]
        key = sha256_of_json(drawn)
        if not file.exists() or json.loads(file.read_text())["key"] != key:
            started = time.perf_counter()
            found = answers(candidate, split.part(rest), split.part(held), positive)
            seconds = round(time.perf_counter() - started, 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"key": key, "seconds": seconds, **found}))
            print(f"crossval: {name}, repeat {repeat + 1}/{repeats}, fold {fold + 1}/{FOLDS}: {seconds} s", flush=True)
        read = json.loads(file.read_text())
        predicted, scores = np.array(read["predicted"]), np.array(read["scores"])
        done.append(Held(repeat, fold, split.actual[held], predicted, scores, candidate is not None, held))
    return done


def choose(names: list[str], loaded: params.Params) -> dict[str, params.Variant | None]:
    """The candidates of these names, None for the baseline. Raises SystemExit where there is none of a name."""
    known = {BASELINE: None, **loaded.candidates}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"no candidate {', '.join(unknown)}; there are: {', '.join(known)}")
    return {name: known[name] for name in names}


def main() -> None:
    args = _arguments()
    loaded = params.load(args.params)
    names = args.candidates or [BASELINE, *loaded.variants]
    chosen = choose(names + [name for name in loaded.search if args.search and name not in names], loaded)
    split, positive = messages(args.prepared), loaded.corpus.positive
    number = split.labels.index(positive)
    seed = loaded.prepare.seed
    held = {name: run(name, made, split, number, args.repeats, seed, args.out) for name, made in chosen.items()}
    settings = {name: made.model_dump() if made else {} for name, made in chosen.items()}
    about = {"repeats": args.repeats, "folds": FOLDS, "messages": len(split.ids), "hardest": crossval_report.HARDEST}
    about |= {"messages_sha256": crossval_record.messages_sha256(split), "code_sha256": sha256_of_files(CODE)}
    files = crossval_report.write(args.out, held, settings, split, positive, args.against, about)
    if args.record:
        shutil.copy(args.out / "comparison.json", args.record)
    tracking.log_comparison(*crossval_report.read_folds(args.out), settings, files)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help="the variants and the baseline if not said")
    parser.add_argument("--search", action="store_true", help="the candidates of the section `search` too")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--against", nargs="+", default=[BASELINE, "linear"], help="those that the others are tested against"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the comparison for the model cards")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--prepared", type=Path, default=Path("build/prepared"))
    parser.add_argument("--out", type=Path, default=Path("build/crossval"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
