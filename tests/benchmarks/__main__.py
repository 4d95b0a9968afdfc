"""`python -m tests.benchmarks`: what the service does a second on this machine, as a table and a plot."""

import argparse
from pathlib import Path

from tests.benchmarks import service

PLOT = Path("build/benchmarks.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure each row for")
    rows = service.run(parser.parse_args().seconds)
    plot(rows)
    print(f"plot: {PLOT}")


def plot(rows: list[tuple[str, int, service.Measured]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    names = [f"{name}, {clients} client{'s' * (clients > 1)}" for name, clients, _ in rows]
    bars = axes.barh(names, [measured.per_second for _, _, measured in rows])
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("requests a second")
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=150)


if __name__ == "__main__":
    main()
