"""The picture of the benchmarks: how many requests each subject answers a second."""

from pathlib import Path

from tests.benchmarks.figures import Figures
from tests.benchmarks.http import CASSANDRA, SQLITE, Row
from tests.benchmarks.peers.workshop import NAME as WORKSHOP
from tests.benchmarks.results import OURS, Part

PANELS = (("not cached", False), ("cached", True))
CLIENTS = ((1, "#9ecae1"), (32, "#2171b5"))


def draw(parts: dict[str, Part], path: Path) -> None:
    """Write it as SVG; the same figures give the same file. Without figures of HTTP nothing is written."""
    figures = Figures(parts.values())
    if not figures.subjects(SQLITE):
        return
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "benchmarks", "font.size": 8, "svg.fonttype": "none"}):
        drawn, axes = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharex=True)
        for panel, (title, cached) in zip(axes, PANELS, strict=True):
            _bars(panel, figures, cached)
            panel.set(title=f"one text, {title}", xscale="log", xlabel="requests a second")
        axes[0].set_xlim(1, 4 * axes[0].get_xlim()[1])  # room for the numbers
        drawn.legend(*axes[0].get_legend_handles_labels(), title="clients", loc="outside right upper")
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, metadata={"Date": None})
        pyplot.close(drawn)


def _bars(panel, figures: Figures, cached: bool) -> None:
    """A subject with its values at 1 and at 32 clients in each place, in the order of the page."""
    subjects = [(table, who) for table in (SQLITE, CASSANDRA) for who in figures.subjects(table)]
    subjects = [one for one in subjects if any(_value(figures, one, clients, cached) for clients, _ in CLIENTS)]
    subjects.sort(key=lambda one: one[1] not in (OURS, WORKSHOP))
    for offset, (clients, colour) in enumerate(CLIENTS):
        values = [_value(figures, one, clients, cached) or 0 for one in subjects]
        places = [place + 0.4 * offset - 0.2 for place in range(len(subjects))]
        bars = panel.barh(places, values, height=0.38, color=colour, label=str(clients))
        panel.bar_label(bars, [f"{value:,.0f}" if value else "" for value in values], padding=2)
    names = [who if table == SQLITE else f"{who}, Cassandra" for table, who in subjects]
    panel.set_yticks(range(len(subjects)), names)
    panel.invert_yaxis()


def _value(figures: Figures, subject: tuple[str, str], clients: int, cached: bool) -> float | None:
    table, who = subject
    return figures.median(table, Row(clients, cached).name, who, "requests/s")
