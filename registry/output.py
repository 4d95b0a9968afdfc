"""What `python -m registry` prints: tables for people, and JSON for programs."""

import json
from dataclasses import asdict
from typing import Any

from rich.table import Column, Table

from registry.drift import Drift
from registry.gate import Verdict
from registry.markdown import console, print_markdown
from registry.route import Routing
from registry.versions import CHAMPION, Version

NOT_ADMITTED = "! not taken up: no verdict of the gate; `python -m registry promote REF`"
STANDS_IN = "* trained on a stand-in for the corpus: its figures compare with no others"


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


def print_versions(versions: list[Version], as_json: bool) -> None:
    """A table of the columns that 60 characters have room for; `print_version` has every metric."""
    if as_json:
        return print_json([_version(version) for version in versions])
    columns = ["mcc", *_caught_and_blocked(versions)]
    headings = (name.replace("_", "\n") for name in columns)
    table = _table("version", "aliases", "variant", *headings, Column("created", no_wrap=True))
    for version in versions:
        figures = (f"{version.metrics[name]:.4f}" if name in version.metrics else "" for name in columns)
        created = version.created_at.strftime("%Y-%m-%d")
        table.add_row(version.number, _aliases(version), _marked(version), *figures, created)
    console().print(table)
    if any(_champion_not_admitted(version) for version in versions):
        print(NOT_ADMITTED)
    if any(version.stand_in for version in versions):
        print(STANDS_IN)


def print_version(version: Version, card: str, as_json: bool) -> None:
    if as_json:
        return print_json(_version(version))
    table = _table("", "", show_header=False)
    for name, value in _version(version).items():
        if name == "metrics":
            for metric, figure in value.items():
                table.add_row(metric, f"{figure:.4f}")
        elif name != "verdict":
            table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    console().print(table)
    if card:
        print_markdown(card)


def print_verdict(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        return print_json(verdict.as_dict())
    table = _table("check", Column("found", max_width=14), Column("asked", max_width=10), Column("", no_wrap=True))
    table.title, table.title_justify = f"version {verdict.candidate}, {verdict.against}", "left"
    for check in verdict.checks:
        table.add_row(check.name, check.found, check.asked, "[green]pass[/]" if check.passed else "[red]fail[/]")
    console().print(table)


def print_aliases(aliases: dict[str, str], as_json: bool) -> None:
    if as_json:
        return print_json(aliases)
    print(", ".join(f"{alias}: version {number}" for alias, number in sorted(aliases.items())))


def print_routing(routing: Routing, as_json: bool) -> None:
    print_json(asdict(routing)) if as_json else print(routing_line(routing))


def print_events(events: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        return print_json(events)
    table = _table("at", "by", "what", "before", "after", "why")
    for event in events:
        at = event["at"][:19].replace("T", " ")
        before, after = (_state(event[name]) for name in ("before", "after"))
        table.add_row(at, event["by"], event["what"], before, after, event["why"] or "")
    console().print(table)


def print_drifts(drifts: list[Drift], as_json: bool) -> None:
    if as_json:
        return print_json([asdict(drift) for drift in drifts])
    table = _table("version", "aliases", "calls", "PSI labels", "PSI lengths", "PSI scores", "")
    for drift in drifts:
        figures = ("" if index is None else f"{index:.3f}" for index in (drift.labels, drift.lengths, drift.scores))
        table.add_row(drift.version, ", ".join(drift.aliases), str(drift.calls), *figures, drift.verdict)
    console().print(table)


def _version(version: Version) -> dict[str, Any]:
    fields = {
        "version": version.number,
        "aliases": list(version.aliases),
        "variant": version.variant,
        "created_at": version.created_at.isoformat(timespec="seconds"),
        "digest": version.digest,
        "run_id": version.run_id,
        "metrics": version.metrics,
    }
    optional = {
        "verdict": version.verdict,
        "stand_in": version.stand_in,
        "ungated_champion": _champion_not_admitted(version),
    }
    return fields | {name: value for name, value in optional.items() if value}


def _champion_not_admitted(version: Version) -> bool:
    return CHAMPION in version.aliases and not version.admitted


def _aliases(version: Version) -> str:
    return ", ".join(f"{alias} !" if alias == CHAMPION and not version.admitted else alias for alias in version.aliases)


def _marked(version: Version) -> str:
    return f"{version.variant} *" if version.stand_in else version.variant


def _state(state: dict[str, Any]) -> str:
    """The routing or the aliases before or after an event."""
    if state.keys() == {"shares", "shadow"}:
        return routing_line(Routing(**state))
    return " ".join(f"{alias}={number}" for alias, number in sorted(state.items()))


def routing_line(routing: Routing) -> str:
    """`calls: challenger 10%, champion 90%; shadow: night`"""
    shares = {**routing.shares, CHAMPION: 100 - sum(routing.shares.values())}
    calls = ", ".join(f"{alias} {share:g}%" for alias, share in shares.items())
    return f"calls: {calls}" + (f"; shadow: {routing.shadow}" if routing.shadow else "")


def _caught_and_blocked(versions: list[Version]) -> list[str]:
    names = {name for version in versions for name in version.metrics}
    return sorted((name for name in names if name.endswith(("_caught", "_blocked"))), reverse=True)


def _table(*columns: str | Column, show_header: bool = True) -> Table:
    """A table that leaves nothing out: a cell too long for its column goes on in the next line."""
    folding = (column if isinstance(column, Column) else Column(column, overflow="fold") for column in columns)
    return Table(*folding, box=None, pad_edge=False, show_header=show_header, padding=(0, 1, 0, 0))
