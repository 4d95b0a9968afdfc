"""The report of a cross-validation for people: a table of the candidates, two figures, the hardest messages."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipelines.data import splits
from pipelines.measure import folds, metrics
from pipelines.measure.crossval_record import TESTED
from pipelines.measure.folds import FoldPredictions
from registry.markdown import print_markdown

LISTED = 40  # of the hardest messages
MOST_BLOCKED = 0.01  # where the curve ends


def write(
    out: Path,
    candidates: dict[str, dict[str, Any]],
    predictions: dict[str, list[FoldPredictions]],
    split: splits.Split,
    positive: str,
    references: list[str],
) -> list[Path]:
    """Write table.md, folds.csv, folds.png, curve.png and hardest.csv, and print the table; returns the files."""
    number = split.labels.index(positive)
    above = {}
    for name, rows in predictions.items():
        above[name], others = folds.others_above(rows, number, len(split.ids))
    table = format_table(candidates, metrics.names(split.labels, positive), references)
    (out / "table.md").write_text(table + "\n")
    measured = tabulate_folds(predictions, split.labels, positive)
    measured.to_csv(out / "folds.csv", index=False)
    draw_folds(measured, out / "folds.png")
    draw_curve({name: ranks[:, split.actual == number] for name, ranks in above.items()}, others, out / "curve.png")
    hardest(above, split).to_csv(out / "hardest.csv", index=False)
    print_markdown(table)
    return [out / name for name in ("table.md", "folds.csv", "folds.png", "curve.png", "hardest.csv")]


def format_table(candidates: dict[str, dict], decided: tuple[str, str], references: list[str]) -> str:
    """Markdown, the best MCC first. `decided` are the names of caught and blocked."""
    references = [name for name in references if name in candidates]
    heads = ["candidate", "MCC [95 % interval]", *decided, "average precision", "caught at .15 % blocked", "ECE"]
    lines = [[*heads, *(f"MCC against {other}" for other in references)]]
    lines.append(["---"] * len(lines[0]))
    for name, figures in sorted(candidates.items(), key=lambda item: -item[1]["mcc"]):
        low, high = figures["intervals"]["mcc"]
        shares = [f"{figures[metric]:.2%}" for metric in decided]
        error = f"{figures['ece']:.2%}" if "ece" in figures else ""
        tests = (figures["against"].get(other) for other in references)
        differences = (f"{test['mcc']['difference']:+.4f}, p {test['mcc']['p']:.3f}" if test else "" for test in tests)
        ranked = [f"{figures['average_precision']:.4f}", f"{figures['caught_at_bound']:.2%}", error]
        lines.append([name, f"{figures['mcc']:.4f} [{low:.4f}, {high:.4f}]", *shares, *ranked, *differences])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def tabulate_folds(
    predictions: dict[str, list[FoldPredictions]], labels: tuple[str, ...], positive: str
) -> pd.DataFrame:
    """A row for each fold of each candidate: candidate, repeat, fold, and the fold's metrics."""
    tables = []
    for name, rows in predictions.items():
        table = pd.DataFrame({"candidate": name, "repeat": [r.repeat for r in rows], "fold": [r.fold for r in rows]})
        tables.append(table.assign(**folds.by_fold(rows, labels, positive)))
    return pd.concat(tables, ignore_index=True).round(6)


def hardest(above: dict[str, np.ndarray], split: splits.Split) -> pd.DataFrame:
    """The messages to catch with the most others ranked above them, by the mean over the candidates."""
    means = pd.DataFrame({name: ranks.mean(axis=0) for name, ranks in above.items()}, index=split.ids).dropna()
    means.insert(0, "others_above", means.mean(axis=1))
    texts = dict(zip(split.ids, split.texts, strict=True))
    worst = means.sort_values("others_above", ascending=False, kind="stable").head(LISTED).round(1)
    return worst.assign(text=[texts[name] for name in worst.index]).rename_axis("id").reset_index()


def draw_folds(measured: pd.DataFrame, file: Path) -> None:
    """Each candidate's folds, MCC and average precision; a line joins the points of the same fold."""
    figure = Figure(figsize=(9, 4), dpi=120, layout="constrained")
    for axes, metric in zip(figure.subplots(1, 2), TESTED, strict=True):
        columns = measured.pivot(index=["repeat", "fold"], columns="candidate", values=metric)
        columns = columns[columns.mean().sort_values().index]
        axes.plot(range(columns.shape[1]), columns.to_numpy().T, color="grey", alpha=0.3, linewidth=0.7)
        axes.plot(range(columns.shape[1]), columns.mean(), "o", color="C0")
        axes.set(title=metric, xticks=range(columns.shape[1]))
        axes.set_xticklabels(columns.columns, rotation=30, ha="right")
    figure.savefig(file)


def draw_curve(above: dict[str, np.ndarray], others: int, file: Path) -> None:
    """Caught against blocked, and precision against recall, each the mean of the repeats.

    `above`, (repeats, messages to catch), counts how many of the `others` are ranked above each.
    """
    figure = Figure(figsize=(10, 4.5), dpi=120, layout="constrained")
    blocked, precise = figure.subplots(1, 2)
    for name, ranks in above.items():
        ranked = np.sort(ranks, axis=1)
        caught = np.arange(1, ranked.shape[1] + 1)
        blocked.step(ranked.mean(axis=0) / others, caught / len(caught), where="post", label=name)
        precise.plot(caught / len(caught), (caught / (caught + ranked)).mean(axis=0), label=name)
    blocked.axvline(folds.BLOCKED_BOUND, color="grey", linestyle="--", linewidth=1)
    blocked.set(xlim=(0, MOST_BLOCKED), ylim=(0.85, 1), xlabel="share of the others blocked", ylabel="caught")
    precise.set(xlim=(0.85, 1), ylim=(0.5, 1.01), xlabel="caught", ylabel="precision")
    precise.legend(fontsize="small")
    figure.savefig(file)
