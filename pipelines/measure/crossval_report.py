"""What `pipelines.crossval` leaves for people: its table, the figures, the hardest messages."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipelines.data import splits
from pipelines.measure import folds, metrics
from pipelines.measure.folds import Held

FOLDS, COMPARISON = "folds.csv", "comparison.json"
TESTED = ("mcc", "average_precision")
HARDEST = 15  # messages that hold the average precision down, for `ceiling`
LISTED = 40  # of the hardest messages
MOST_BLOCKED = 0.01  # where the curve ends


def write(
    out: Path,
    held: dict[str, list[Held]],
    settings: dict[str, dict],
    split: splits.Split,
    positive: str,
    against: list[str],
    about: dict[str, Any],
) -> list[Path]:
    """Everything that `pipelines.crossval` says it leaves in `out`; the table is printed too."""
    number = split.labels.index(positive)
    rows, candidates = summarise(held, split.labels, positive, against)
    above = {}
    for name, found in held.items():
        above[name], others = folds.blocked_first(found, number, len(split.ids))
        caught = above[name][:, split.actual == number]
        candidates[name]["ceiling"] = float(np.mean([folds.ceiling(repeat, HARDEST) for repeat in caught]))
        candidates[name]["parameters"] = settings[name]
    rows.round(6).to_csv(out / FOLDS, index=False)
    (out / COMPARISON).write_text(json.dumps({**about, "candidates": candidates}, indent=2) + "\n")
    printed = table(candidates, metrics.names(split.labels, positive), [name for name in against if name in held])
    (out / "comparison.md").write_text(printed + "\n")
    hardest(above, split).to_csv(out / "hardest.csv", index=False)
    draw_folds(rows, out / "comparison.png")
    draw_curve({name: found[:, split.actual == number] for name, found in above.items()}, others, out / "curve.png")
    print(printed)
    return [out / name for name in (COMPARISON, "comparison.md", "comparison.png", "curve.png", "hardest.csv")]


def summarise(
    held: dict[str, list[Held]], labels: tuple[str, ...], positive: str, against: list[str]
) -> tuple[pd.DataFrame, dict[str, dict]]:
    """Each fold's metrics, a row for each candidate; and each candidate's means, intervals and paired tests."""
    folds = {name: folds.by_fold(found, labels, positive) for name, found in held.items()}
    rows = [
        {"candidate": name, "repeat": h.repeat, "fold": h.fold}
        | {metric: values[i] for metric, values in folds[name].items()}
        for name, found in held.items()
        for i, h in enumerate(found)
    ]
    candidates = {}
    for name, measured in folds.items():
        number = len({h.fold for h in held[name]})
        pooled = folds.by_repeat(held[name], labels, positive)
        candidates[name] = {metric: float(values.mean()) for metric, values in (measured | pooled).items()}
        candidates[name]["intervals"] = {m: folds.interval(values, number) for m, values in measured.items()}
        candidates[name]["against"] = {
            other: _tests(measured, folds[other], number) for other in against if other in folds and other != name
        }
    return pd.DataFrame(rows), candidates


def _tests(measured: dict[str, np.ndarray], others: dict[str, np.ndarray], folds: int) -> dict[str, dict[str, float]]:
    tests = {metric: folds.paired(measured[metric], others[metric], folds) for metric in TESTED}
    return {metric: {"difference": difference, "p": p} for metric, (difference, p) in tests.items()}


def table(candidates: dict[str, dict], decided: tuple[str, str], against: list[str]) -> str:
    """Markdown, the best MCC first. `decided` are the names of caught and blocked."""
    heads = ["candidate", "MCC [95 % interval]", *decided, "average precision", "caught at .15 % blocked", "ECE"]
    lines = [[*heads, *(f"MCC against {other}" for other in against)]]
    lines.append(["---"] * len(lines[0]))
    for name, found in sorted(candidates.items(), key=lambda item: -item[1]["mcc"]):
        low, high = found["intervals"]["mcc"]
        shares = [f"{found[metric]:.2%}" for metric in decided]
        error = f"{found['ece']:.2%}" if "ece" in found else ""
        tests = (found["against"].get(other) for other in against)
        differences = (f"{t['mcc']['difference']:+.4f}, p {t['mcc']['p']:.3f}" if t else "" for t in tests)
        ranked = [f"{found['average_precision']:.4f}", f"{found['caught_at_bound']:.2%}", error]
        lines.append([name, f"{found['mcc']:.4f} [{low:.4f}, {high:.4f}]", *shares, *ranked, *differences])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def hardest(above: dict[str, np.ndarray], split: splits.Split) -> pd.DataFrame:
    """The messages to catch that the most others rank above, by the mean over the candidates."""
    means = pd.DataFrame({name: found.mean(axis=0) for name, found in above.items()}, index=split.ids).dropna()
    means.insert(0, "others_above", means.mean(axis=1))
    texts = dict(zip(split.ids, split.texts, strict=True))
    worst = means.sort_values("others_above", ascending=False, kind="stable").head(LISTED).round(1)
    return worst.assign(text=[texts[name] for name in worst.index]).rename_axis("id").reset_index()


def draw_folds(rows: pd.DataFrame, file: Path) -> None:
    """Each candidate's folds, MCC and average precision; a line joins the same fold's points."""
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), TESTED, strict=True):
        wide = rows.pivot(index=["repeat", "fold"], columns="candidate", values=metric)
        wide = wide[wide.mean().sort_values().index]
        axes.plot(range(wide.shape[1]), wide.to_numpy().T, color="grey", alpha=0.3, linewidth=0.7)
        axes.plot(range(wide.shape[1]), wide.mean(), "o", color="C0")
        axes.set(title=metric, xticks=range(wide.shape[1]))
        axes.set_xticklabels(wide.columns, rotation=30, ha="right")
    figure.savefig(file)


def draw_curve(above: dict[str, np.ndarray], others: int, file: Path) -> None:
    """`above`, (repeats, messages to catch): how many of the `others` rank above each. The mean of the repeats."""
    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    blocked, precise = figure.subplots(1, 2)
    for name, found in above.items():
        ranked = np.sort(found, axis=1)
        caught = np.arange(1, ranked.shape[1] + 1)
        blocked.step(ranked.mean(axis=0) / others, caught / len(caught), where="post", label=name)
        precise.plot(caught / len(caught), (caught / (caught + ranked)).mean(axis=0), label=name)
    blocked.axvline(folds.BLOCKED_BOUND, color="grey", linestyle="--", linewidth=1)
    blocked.set(xlim=(0, MOST_BLOCKED), ylim=(0.85, 1), xlabel="share of the others blocked", ylabel="caught")
    precise.set(xlim=(0.85, 1), ylim=(0.5, 1.01), xlabel="caught", ylabel="precision")
    precise.legend(fontsize="small")
    figure.savefig(file)


def read_folds(out: Path) -> tuple[dict[str, dict], dict[str, list[dict[str, float]]]]:
    """Each candidate's figures, and each of its folds', as they were written to `out`."""
    rows = pd.read_csv(out / FOLDS).drop(columns=["repeat", "fold"]).groupby("candidate")
    folds = {name: found.drop(columns="candidate").to_dict("records") for name, found in rows}
    return json.loads((out / COMPARISON).read_text())["candidates"], folds
