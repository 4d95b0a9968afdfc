"""The figures of a report as SVG elements to put into its page: text in the page's own colour, no script, no file."""

import io
import re
from collections.abc import Callable, Mapping

import matplotlib
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from registry.metrics import reliability

INK = "#010203"  # stands for the colour of the page's text, which is light on dark or dark on light
COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#cc8800", "#66aacc")  # Paul Tol's, seen on both
BINS = 10  # of the calibration curve
STYLE = {
    **{name: INK for name in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")},
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "font.family": "sans-serif",
    "font.size": 9,
    "legend.framealpha": 0,
    "svg.fonttype": "none",  # letters stay letters
}
Ranked = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by name: which messages are positive, and their probability


def precision_recall(ranked: Ranked, positive: str) -> Markup:
    """Precision against recall."""

    def draw(axes: Axes) -> None:
        for name, (is_positive, probability) in ranked.items():
            precision, recall, _ = precision_recall_curve(is_positive, probability)
            axes.step(recall, precision, where="post", label=name)
        axes.set(xlabel=f"recall of {positive}", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="lower left")

    return _svg("precision_recall", "Precision against recall", draw)


def calibration(ranked: Ranked, positive: str) -> Markup:
    """The share of positive messages against the mean of their probabilities, in ten parts of [0, 1].

    A larger point stands for more messages.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linestyle=":", linewidth=1)
        for name, (is_positive, probability) in ranked.items():
            parts = reliability(is_positive.astype(float), probability, BINS)
            means, shares, counts = zip(*parts, strict=True)
            (line,) = axes.plot(means, shares, linewidth=0.8, label=name)
            axes.scatter(means, shares, s=8 * np.log2(1 + np.array(counts)), color=line.get_color(), alpha=0.8)
        axes.set(xlabel=f"predicted probability of {positive}", ylabel="share that is", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="upper left")

    return _svg("calibration", "Calibration", draw)


def training(curves: Mapping[str, pd.DataFrame]) -> Markup:
    """Loss by epoch; `curves` are the tables curves.csv of `pipelines.train`, by name."""

    def draw(axes: Axes) -> None:
        for number, (name, table) in enumerate(curves.items()):
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(table["epoch"], table["val_loss"], marker="o", color=colour, label=f"{name}, validation")
            axes.plot(table["epoch"], table["loss"], marker="x", color=colour, linestyle="--", label=f"{name}, train")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
        axes.legend()

    return _svg("training", "Training curves", draw)


def _svg(name: str, title: str, draw: Callable[[Axes], None]) -> Markup:
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=(4.6, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.patch.set_alpha(0)
        draw(axes)
        file = io.StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    written = file.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", written[written.index("<svg") :], flags=re.DOTALL)
    labelled = svg.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
    return Markup(labelled.replace(INK, "currentColor"))  # matplotlib escapes the texts
