"""What `python -m registry quality` prints: tables for people, and JSON for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from registry.markdown import console
from registry.output import print_json
from registry.quality.labels import RANDOM, SAMPLES
from registry.quality.measure import Pair, Quality
from registry.quality.proportions import FAVOURED, LEVEL, POWER, Proportion

ESTIMATED = (
    "Estimated without labels: holds where probabilities are calibrated and texts mean what they meant in training"
)
NO_LABELS = "No label in this time: only these would be unbiased."
UPDATE_EVERY = 1_000  # calls

T = TypeVar("T")


def print_quality(quality: Quality, as_json: bool) -> None:
    """Print the tables in 60 columns or more; one sentence where there was no call."""
    if as_json:
        return print_json(as_dict(quality))
    if not quality.calls:
        return print(f"no call since {_time(quality.since)}: nothing to judge")
    console().print(f"Calls from {_time(quality.since)} to {_time(quality.until)}; intervals of {1 - LEVEL:.0%}")
    _print_estimates(quality)
    for name in SAMPLES:
        _print_sample(quality, name)
    for pair in quality.pairs:
        _print_pair(pair)


def as_dict(quality: Quality) -> dict[str, Any]:
    """Ready for JSON, with the versions that have an alias or were called; no text, and no digest of one."""
    versions = [row for row in quality.versions if row.aliases or row.answered or row.shadowed]
    return {
        "since": quality.since.isoformat(timespec="seconds"),
        "until": quality.until.isoformat(timespec="seconds"),
        "calls": quality.calls,
        "positive": quality.positive,
        "rest": quality.rest,
        "confidence": 1 - LEVEL,
        "samples": {
            name: {"bias": SAMPLES[name], "texts": len(sample.labels), "disputed": sample.disputed}
            for name, sample in quality.samples.items()
        },
        "versions": [asdict(version) for version in versions],
        "pairs": [asdict(pair) for pair in quality.pairs],
        "needed_for": {"level": LEVEL, "power": POWER, "favoured": FAVOURED},
    }


def counting(calls: Iterable[T]) -> Iterator[T]:
    """The calls, and on a terminal how many have been read."""
    terminal = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} calls read"), TimeElapsedColumn()
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as progress:
        task = progress.add_task("", total=None)
        for number, call in enumerate(calls, 1):
            if number % UPDATE_EVERY == 0:
                progress.update(task, completed=number)
            yield call


def _print_estimates(quality: Quality) -> None:
    table = _table("version", "aliases", "calls", "as the\nshadow", *_caught_and_blocked(quality))
    for version in quality.versions:
        if version.answered or version.shadowed:
            expected = version.estimate
            shares = (expected.caught_share, expected.blocked_share) if expected else (None, None)
            counts = f"{version.answered:,}", f"{version.shadowed:,}"
            table.add_row(version.version, ", ".join(version.aliases), *counts, *map(_percent, shares))
    _print_titled(ESTIMATED, table)


def _print_sample(quality: Quality, name: str) -> None:
    """The figures of the versions that answered a labelled text of the sample."""
    sample = quality.samples[name]
    rows = [version for version in quality.versions if version.samples[name].texts]
    if not (rows or sample.disputed or name == RANDOM):
        return
    left_out = f"; {sample.disputed:,} left out, since their labels differ" if sample.disputed else ""
    title = f"{name.capitalize()}, {SAMPLES[name]}{left_out}"
    table = _table("version", "aliases", "texts", *_caught_and_blocked(quality), "calibr.\nerror")
    for version in rows:
        figures = version.samples[name]
        error = f"{figures.calibration.error:.3f}" if figures.calibration else ""
        shares = _share(figures.caught), _share(figures.blocked)
        table.add_row(version.version, ", ".join(version.aliases), f"{figures.texts:,}", *shares, error)
    _print_titled(title, table if rows else NO_LABELS)


def _print_pair(pair: Pair) -> None:
    """The champion and another version on the labelled texts that both answered, and how many labels would do."""
    title = f"Champion {pair.champion} against {pair.other}, on the texts that both answered"
    only = (f"only {number}\nis right" for number in (pair.champion, pair.other))
    table = _table("sample", "texts", *only, "both\nright", "both\nwrong", "McNemar's\np")
    for name, counts in pair.samples.items():
        if counts.texts:
            split = (counts.only_first, counts.only_second, counts.both, counts.neither)
            table.add_row(name, f"{counts.texts:,}", *(f"{count:,}" for count in split), f"{counts.p_value:.3f}")
    _print_titled(title, table if table.rows else "No label yet.")
    if pair.compared:
        console().print(_needed(pair))


def _needed(pair: Pair) -> str:
    differ = f"They differ on {pair.differing:,} of {pair.compared:,} texts."
    if not pair.needed:
        return differ
    return (
        f"{differ} If one is right on {FAVOURED:.0%} of such texts, a test at the {LEVEL:.0%} level finds it with "
        f"{POWER:.0%} power by labels of {pair.needed.random:,} random texts, or of {pair.needed.differing:,} on which "
        "they differ."
    )


def _caught_and_blocked(quality: Quality) -> tuple[str, str]:
    return f"{quality.positive}\ncaught", f"{quality.rest}\nblocked"


def _share(measured: Proportion) -> str:
    """Two lines: `45 of 50`, and the interval."""
    if not measured.of:
        return "none"
    return f"{measured.count:,} of {measured.of:,}\n{measured.low:.1%} - {measured.high:.1%}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _print_titled(title: str, body: Table | str) -> None:
    printer = console()
    printer.print()
    printer.print(title)
    printer.print(body)


def _table(*columns: str) -> Table:
    """A cell too long for its column goes on in the next line."""
    return Table(*(Column(name, overflow="fold") for name in columns), box=None, pad_edge=False, padding=(0, 1, 0, 0))
