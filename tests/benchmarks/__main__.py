"""`python -m tests.benchmarks`: everything measured side by side, as a page (docs/benchmarks.md), a plot and JSON.

Each part's figures are kept as soon as it ends, and the page is made anew of all that are kept.
"""

import argparse
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks import machine, page, plot, results
from tests.benchmarks.results import Absent, Figure

KEPT, PAGE, PLOT = Path("docs/benchmarks.json"), Path("docs/benchmarks.md"), Path("docs/pictures/benchmarks.svg")
PARTS = tuple(name for name in ("training", "inference", "http", "memory") if find_spec(f"tests.benchmarks.{name}"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="the parts to measure (default: %(default)s)")
    parser.add_argument("--seconds", type=float, help="of each row in a round; each part has its own default")
    parser.add_argument("--rounds", type=int, help="in which the subjects take turns; each part has its own default")
    parser.add_argument("--page", action="store_true", help="measure nothing, make the page of what is kept")
    args = parser.parse_args()
    names = [] if args.page else args.only.split(",")
    if unknown := set(names) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options = {name: value for name in ("seconds", "rounds") if (value := getattr(args, name)) is not None}
    for name in names:
        where = machine.facts()
        part = results.gather(where, told(import_module(f"tests.benchmarks.{name}").measure(**options)))
        results.write(KEPT, results.read(KEPT) | {name: part})
    parts = {name: part for name, part in results.read(KEPT).items() if part.figures or part.absent}
    plot.draw(parts, PLOT)
    PAGE.write_text(page.page(parts, PLOT.relative_to(PAGE.parent)))
    print(f"page: {PAGE}, plot: {PLOT}, figures: {KEPT}")


def told(given: Iterable[Figure | Absent]) -> Iterator[Figure | Absent]:
    """The same figures, printed as they come: those of one row and subject on one line."""
    last = None
    for one in given:
        if isinstance(one, Absent):
            print(f"\n{one.table} | {one.subject} | {one.why}", end="", flush=True)
        else:
            if (named := (one.table, one.row, one.subject)) != last:
                print(f"\n{one.table} | {one.subject} | {one.row}", end="", flush=True)
            print(f" | {page.number(one.value)} {one.unit}", end="", flush=True)
            last = named
        yield one
    print()


if __name__ == "__main__":
    main()
