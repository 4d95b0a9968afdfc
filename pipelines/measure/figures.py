"""The figures of an evaluation, for the MLflow run and the model card."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

from pipelines.data.splits import Split


def draw(
    folder: Path,
    test: Split,
    predicted: np.ndarray,
    curves: pd.DataFrame,
    precision_recall: pd.DataFrame,
    reliability: pd.DataFrame,
    positive: str,
) -> None:
    """Write training_curves.png, confusion.png, precision_recall.png and reliability.png into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = _figure("epoch", "loss")
    axes.plot(curves["epoch"], curves["loss"], marker="o", label="train")
    axes.plot(curves["epoch"], curves["val_loss"], marker="o", label="validation")
    axes.legend()
    figure.savefig(folder / "training_curves.png")

    figure, axes = _figure("predicted", "actual")
    matrix = confusion_matrix(test.actual, predicted, labels=range(len(test.labels)))
    ConfusionMatrixDisplay(matrix, display_labels=test.labels).plot(ax=axes, colorbar=False, cmap="Blues")
    figure.savefig(folder / "confusion.png")

    figure, axes = _figure(f"recall of {positive}", "precision")
    axes.step(precision_recall["recall"], precision_recall["precision"], where="post")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    figure.savefig(folder / "precision_recall.png")

    figure, axes = _figure(f"predicted probability of {positive}", "share that is")
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    axes.plot(reliability["probability"], reliability["share"], marker="o")
    figure.savefig(folder / "reliability.png")


def _figure(x: str, y: str):
    figure = Figure(figsize=(5, 4), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    return figure, axes
