"""The versions and which one is champion, from the command line: `python -m registry --help`."""

import argparse
import json
import logging
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Column, Table

from registry.drift import drifts, gather
from registry.events import history
from registry.gate import Verdict
from registry.promote import Refused, initialise, promote, rollback, thresholds_from
from registry.route import Routing, read_routing, set_routing
from registry.settings import RegistrySettings
from registry.versions import CHAMPION, Registry, RegistryError, Version

ROUTE = "Changes what is given and leaves the rest as it is; without anything, tells how calls are routed."
NOBODY = "none"  # as a shadow


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m registry", description="Model versions: list, promote, roll back.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    printing = argparse.ArgumentParser(add_help=False)
    printing.add_argument("--json", action="store_true", help="print JSON instead of a table")
    gated = argparse.ArgumentParser(add_help=False)
    gated.add_argument("--params", type=Path, default=Path("params.yaml"), help="where the gate's thresholds stand")
    verbs.add_parser("list", parents=[printing], help="every version with its aliases and figures")
    show = verbs.add_parser("show", parents=[printing], help="one version, whole")
    show.add_argument("ref", metavar="REF", help="a version number or an alias")
    up = verbs.add_parser("promote", parents=[printing, gated], help="make a version champion, if the gate lets it")
    up.add_argument("ref", metavar="REF", help="a version number or an alias")
    up.add_argument("--force", action="store_true", help="promote against the gate's verdict; needs --why")
    up.add_argument("--why", metavar="TEXT", help="the reason, kept in the log")
    verbs.add_parser("init", parents=[gated], help="choose a first champion and challenger where there is none")
    verbs.add_parser("rollback", parents=[printing], help="undo the newest promotion")
    share = verbs.add_parser(
        "route", parents=[printing], help="share the calls that name no version out over aliases", description=ROUTE
    )
    share.add_argument(
        "shares", metavar="ALIAS=PERCENT", nargs="*", type=_share, help="the rest goes to the champion; 0 ends a share"
    )
    share.add_argument(
        "--shadow", metavar="ALIAS", help="a version that hears every call and answers none; none ends it"
    )
    share.add_argument("--clear", action="store_true", help="everything to the champion again, and no shadow")
    verbs.add_parser("log", parents=[printing], help="who changed what, when and why")
    moved = verbs.add_parser(
        "drift", parents=[printing], help="how far the calls of each version are from its training set"
    )
    moved.add_argument(
        "--hours", type=_hours, default=24.0, help="of the service's call log, until now; 24 unless told"
    )
    return top


def _share(text: str) -> tuple[str, float]:
    alias, equals, percent = text.partition("=")
    if not (alias and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not ALIAS=PERCENT")
    return alias, float(percent)


def _hours(text: str) -> float:
    if not 0 < (hours := float(text)) < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of hours")
    return hours


def main() -> None:
    args = parser().parse_args()
    if args.verb == "promote" and args.force != bool(args.why):
        parser().error("--force and --why TEXT go together")
    if args.verb == "route" and args.clear and (args.shares or args.shadow):
        parser().error("--clear stands alone")
    if args.verb == "route" and len(dict(args.shares)) < len(args.shares):
        parser().error("an alias has one share")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    try:
        settings = RegistrySettings()
        VERBS[args.verb](Registry(settings.model_name, settings.mlflow_tracking_uri), args)
    except Refused as refused:
        _say_verdict(refused.verdict, args.json)
        sys.exit(f"registry: {refused}; `--force --why TEXT` overrides")
    except (RegistryError, ValidationError) as error:
        sys.exit(f"registry: {error}")


def _list(registry: Registry, args: argparse.Namespace) -> None:
    versions = registry.versions()
    if args.json:
        return _dump([_plain(version) for version in versions])
    columns = ["mcc", *_caught_and_blocked(versions)]  # what 80 columns have room for; `show` has them all
    table = Table("version", "aliases", "variant", *columns, "created", box=None, pad_edge=False)
    for version in versions:
        figures = (f"{version.metrics[name]:.4f}" if name in version.metrics else "" for name in columns)
        created = version.created_at.strftime("%Y-%m-%d")
        table.add_row(version.number, ", ".join(version.aliases), version.variant, *figures, created)
    _console().print(table if versions else f"no version of {registry.model_name} yet; `dvc repro` registers them")
    if versions and (routing := read_routing(registry)) != Routing():
        print(_told(routing))


def _show(registry: Registry, args: argparse.Namespace) -> None:
    version = registry.resolve(args.ref)
    if args.json:
        return _dump(_plain(version))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _plain(version).items():
        if name == "metrics":
            for metric, figure in value.items():
                table.add_row(metric, f"{figure:.4f}")
        elif name != "verdict":
            table.add_row(name, ", ".join(value) if isinstance(value, list) else str(value))
    _console().print(table)
    if card := registry.card(version):
        _console().print(Markdown(card))


def _promote(registry: Registry, args: argparse.Namespace) -> None:
    verdict = promote(registry, args.ref, thresholds_from(args.params), args.why)
    if verdict is not None:
        _say_verdict(verdict, args.json)
    elif args.json:
        _dump({"passed": True, "already": True})
    if not args.json:
        number = registry.resolve(args.ref).number if verdict is None else verdict.challenger
        print(f"version {number} is {'already ' if verdict is None else ''}champion")


def _init(registry: Registry, args: argparse.Namespace) -> None:
    args.json = False
    aliases = initialise(registry, thresholds_from(args.params))
    print(", ".join(f"{alias}: version {number}" for alias, number in sorted(aliases.items())))


def _rollback(registry: Registry, args: argparse.Namespace) -> None:
    aliases = rollback(registry)
    if args.json:
        return _dump(aliases)
    print(", ".join(f"{alias}: version {number}" for alias, number in sorted(aliases.items())))


def _route(registry: Registry, args: argparse.Namespace) -> None:
    if args.clear:
        set_routing(registry, Routing())
    elif args.shares or args.shadow:
        now = read_routing(registry)
        shares = {alias: share for alias, share in {**now.shares, **dict(args.shares)}.items() if share != 0}
        shadow = None if args.shadow == NOBODY else args.shadow or now.shadow
        set_routing(registry, Routing(shares, shadow))
    routing = read_routing(registry)
    if args.json:
        return _dump(asdict(routing))
    print(_told(routing))


def _log(registry: Registry, args: argparse.Namespace) -> None:
    events = history(registry)
    if args.json:
        return _dump(events)
    table = Table(Column("at", no_wrap=True), "by", "what", "before", "after", "why", box=None, pad_edge=False)
    for event in events:
        before, after = (_short(event, when) for when in ("before", "after"))
        table.add_row(event["at"][:19].replace("T", " "), event["by"], event["what"], before, after, event["why"] or "")
    _console().print(table)


def _drift(registry: Registry, args: argparse.Namespace) -> None:
    from bentos.settings import SettingsError, read_settings
    from bentos.store import StoreError
    from bentos.store.backends import scan_calls

    try:
        served = gather(scan_calls(read_settings(), datetime.now(UTC) - timedelta(hours=args.hours)))
    except (SettingsError, StoreError) as error:
        raise RegistryError(f"the call log cannot be read: {error}") from error
    found = drifts(registry, served)
    if args.json:
        return _dump([asdict(version) for version in found])
    table = Table("version", "aliases", "calls", "PSI labels", "PSI lengths", "", box=None, pad_edge=False)
    for version in found:
        figures = ("" if index is None else f"{index:.3f}" for index in (version.labels, version.lengths))
        table.add_row(version.version, ", ".join(version.aliases), str(version.calls), *figures, version.verdict)
    _console().print(table if found else f"no version of {registry.model_name} yet; `dvc repro` registers them")


def _short(event: dict[str, Any], when: str) -> str:
    if event["what"] == "route":
        return _told(Routing(**event[when]))
    return " ".join(f"{alias}={number}" for alias, number in sorted(event[when].items()))


VERBS = {
    "list": _list,
    "show": _show,
    "promote": _promote,
    "init": _init,
    "rollback": _rollback,
    "route": _route,
    "log": _log,
    "drift": _drift,
}


def _plain(version: Version) -> dict[str, Any]:
    plain = {
        "version": version.number,
        "aliases": list(version.aliases),
        "variant": version.variant,
        "created_at": version.created_at.isoformat(timespec="seconds"),
        "digest": version.digest,
        "run_id": version.run_id,
        "metrics": version.metrics,
    }
    return plain | ({"verdict": version.verdict} if version.verdict else {})


def _told(routing: Routing) -> str:
    """`calls: challenger 10%, champion 90%; shadow: night`"""
    shares = {**routing.shares, CHAMPION: 100 - sum(routing.shares.values())}
    told = "calls: " + ", ".join(f"{alias} {share:g}%" for alias, share in shares.items())
    return told + (f"; shadow: {routing.shadow}" if routing.shadow else "")


def _caught_and_blocked(versions: list[Version]) -> list[str]:
    names = {name for version in versions for name in version.metrics}
    return sorted((name for name in names if name.endswith(("_caught", "_blocked"))), reverse=True)


def _say_verdict(verdict: Verdict, as_json: bool) -> None:
    if as_json:
        return _dump(verdict.as_dict())
    against = f"against champion {verdict.champion}" if verdict.champion else "no champion yet"
    table = Table("check", "found", "asked", "", title=f"version {verdict.challenger}, {against}", box=None)
    for check in verdict.checks:
        table.add_row(check.name, check.found, check.asked, "[green]pass[/]" if check.passed else "[red]fail[/]")
    _console().print(table)


def _dump(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _console() -> Console:
    return Console(highlight=False)


if __name__ == "__main__":
    main()
