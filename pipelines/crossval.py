"""Compare the variants and the linear baseline by repeated cross-validation, the test split left out.

    python -m pipelines.crossval [--candidates linear lstm] [--repeats 3] [--params params.yaml]

Near-twins stay in one fold, labels are spread evenly, and every candidate meets the same folds. A fold that was run
before, by the same code with the same parameters on the same messages, is not run again. OUT (build/crossval) then has

| file | what |
| --- | --- |
| CANDIDATE/REPEAT-FOLD.json | the held-out answers of one fold |
| folds.csv | each fold's metrics, a row for each candidate |
| comparison.json | means, intervals, and the paired tests against the reference (`--against`) |
| comparison.png | the candidates' folds side by side |

MLflow gets a run with a nested one for each candidate, to compare in its UI.
"""

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import StratifiedGroupKFold

from pipelines import baseline, compare, params, tables, tracking, train
from pipelines.batches import probabilities
from pipelines.compare import Held

FOLDS = 5
BASELINE = "baseline"
TEXT = [Path("registry") / name for name in ("normalise.py", "tokenizer.py")]
CODE = [*train.CODE, *TEXT, Path(baseline.__file__)]


def messages(prepared: Path) -> tables.Split:
    """Every message of the corpus but those of the test split: what callers sent is nothing to measure on."""
    train, validation = (tables.read(prepared, name) for name in ("train", "validation"))
    source = pd.read_csv(prepared / "train.csv", usecols=["source"])["source"]
    return tables.join([train.part(np.flatnonzero(source == "corpus")), validation])


def folds(split: tables.Split, repeats: int, seed: int) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """(repeat, fold, positions to train on, positions held out); each repeat holds out every message once."""
    for repeat in range(repeats):
        drawn = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat)
        for fold, (rest, held) in enumerate(drawn.split(split.actual, split.actual, split.groups)):
            yield repeat, fold, rest, held


def answers(candidate: params.Variant | None, rest: tables.Split, held: tables.Split, positive: int) -> dict:
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
    name: str, candidate: params.Variant | None, split: tables.Split, positive: int, repeats: int, seed: int, out: Path
) -> list[Held]:
    """The candidate's answers in every fold, those that are on disk already read from there."""
    settings = candidate.model_dump_json() if candidate else BASELINE
    done = []
    for repeat, fold, rest, held in folds(split, repeats, seed):
        file = out / name / f"{repeat}-{fold}.json"
        drawn = [settings, tracking.sha256(CODE), [split.ids[i] for i in rest], [split.ids[i] for i in held]]
        key = hashlib.sha256(json.dumps(drawn).encode()).hexdigest()
        if not file.exists() or json.loads(file.read_text())["key"] != key:
            started = time.perf_counter()
            found = answers(candidate, split.part(rest), split.part(held), positive)
            seconds = round(time.perf_counter() - started, 1)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"key": key, "seconds": seconds, **found}))
            print(f"crossval: {name}, repeat {repeat + 1}/{repeats}, fold {fold + 1}/{FOLDS}: {seconds} s", flush=True)
        read = json.loads(file.read_text())
        predicted, scores = np.array(read["predicted"]), np.array(read["scores"])
        done.append(Held(repeat, fold, split.actual[held], predicted, scores, candidate is not None))
    return done


def summarise(
    held: dict[str, list[Held]], labels: tuple[str, ...], positive: str, against: str
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Each fold's metrics, a row for each candidate; and each candidate's means, intervals and paired tests."""
    folds = {name: compare.by_fold(found, labels, positive) for name, found in held.items()}
    rows = [
        {"candidate": name, "repeat": h.repeat, "fold": h.fold}
        | {metric: values[i] for metric, values in folds[name].items()}
        for name, found in held.items()
        for i, h in enumerate(found)
    ]
    comparison = {}
    for name, measured in folds.items():
        pooled = compare.by_repeat(held[name], labels, positive)
        comparison[name] = {metric: float(values.mean()) for metric, values in (measured | pooled).items()}
        comparison[name]["intervals"] = {m: compare.interval(values, FOLDS) for m, values in measured.items()}
        if against in folds and name != against:
            tests = {m: compare.paired(measured[m], folds[against][m], FOLDS) for m in ("mcc", "average_precision")}
            comparison[name][f"against {against}"] = {m: {"difference": d, "p": p} for m, (d, p) in tests.items()}
    return pd.DataFrame(rows), comparison


def table(comparison: dict[str, dict], against: str) -> Table:
    metrics = [name for name, value in next(iter(comparison.values())).items() if isinstance(value, float)]
    metrics += [name for name in ("ece",) if name not in metrics]
    columns = [name for name in metrics if name not in ("accuracy", "f1")]
    made = Table("candidate", *columns, f"MCC against {against}", box=None, pad_edge=False)
    for name, found in sorted(comparison.items(), key=lambda item: -item[1]["mcc"]):
        low, high = found["intervals"]["mcc"]
        figures = [f"{found[column]:.4f}" if column in found else "" for column in columns]
        figures[0] += f" [{low:.4f}, {high:.4f}]"
        test = found.get(f"against {against}")
        made.add_row(name, *figures, f"{test['mcc']['difference']:+.4f}, p {test['mcc']['p']:.3f}" if test else "")
    return made


def draw(rows: pd.DataFrame, file: Path) -> None:
    """Each candidate's folds, MCC and average precision; a line joins the same fold's points."""
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), ("mcc", "average_precision"), strict=True):
        wide = rows.pivot(index=["repeat", "fold"], columns="candidate", values=metric)
        wide = wide[wide.mean().sort_values().index]
        axes.plot(range(wide.shape[1]), wide.to_numpy().T, color="grey", alpha=0.3, linewidth=0.7)
        axes.plot(range(wide.shape[1]), wide.mean(), "o", color="C0")
        axes.set(title=metric, xticks=range(wide.shape[1]), xticklabels=wide.columns)
    figure.savefig(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", nargs="+", help=f"variants, and `{BASELINE}`; all of them if not said")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--against", default=BASELINE, help="the candidate that the others are tested against")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    parser.add_argument("--prepared", type=Path, default=Path("build/prepared"))
    parser.add_argument("--out", type=Path, default=Path("build/crossval"))
    args = parser.parse_args()
    loaded = params.load(args.params)
    known = {BASELINE: None, **loaded.variants}
    chosen = args.candidates or list(known)
    if unknown := set(chosen) - known.keys():
        parser.error(f"no candidate {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    split, positive = messages(args.prepared), loaded.corpus.positive
    number = split.labels.index(positive)
    held = {n: run(n, known[n], split, number, args.repeats, loaded.prepare.seed, args.out) for n in chosen}
    rows, comparison = summarise(held, split.labels, positive, args.against)
    rows.round(6).to_csv(args.out / "folds.csv", index=False)
    (args.out / "comparison.json").write_text(json.dumps(comparison, indent=2) + "\n")
    draw(rows, args.out / "comparison.png")
    by_fold = rows.drop(columns=["repeat", "fold"]).set_index("candidate")
    measured = {name: by_fold.loc[[name]].to_dict("records") for name in chosen}
    settings = {name: known[name].model_dump() if known[name] else {} for name in chosen}
    tracking.log_comparison(
        comparison, measured, settings, [args.out / f for f in ("comparison.json", "comparison.png")]
    )
    Console(highlight=False).print(table(comparison, args.against))


if __name__ == "__main__":
    main()
