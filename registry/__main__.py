"""The versions and which one is champion, from the command line: `python -m registry --help`."""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from registry import command, output
from registry.call_log import CORRECTION, read_calls
from registry.delivery import deliver
from registry.drift import Drift, drifts, profiles_of
from registry.errors import RegistryError
from registry.events import history
from registry.notify import DRIFT, notify
from registry.outbox import Outbox, OutboxError
from registry.promote import Refused, initialise, promote, rollback
from registry.quality.measure import measure, publish
from registry.quality.report import counting, print_quality
from registry.quick import QuickRegistry
from registry.rollout import arguments as rollout
from registry.route import Routing, read_routing, set_routing
from registry.settings import RegistrySettings
from registry.thresholds import thresholds_from
from registry.versions import Registry

NO_SHADOW = "none"  # the value of --shadow that ends it
NO_VERSIONS = "no version of {} yet; `dvc repro` registers them"


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    try:
        settings = RegistrySettings()
        if args.verb == "notify":
            return deliver_waiting(settings)
        run(QuickRegistry(settings.model_name, settings.mlflow_tracking_uri), args)
    except Refused as refused:
        output.print_verdict(refused.verdict, getattr(args, "json", False))
        sys.exit(f"registry: {refused}; `--force --why TEXT` overrides")
    except (RegistryError, OutboxError, ValidationError) as error:
        sys.exit(f"registry: {error}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.verb == "promote" and args.force != bool(args.why):
        parser.error("--force and --why TEXT go together")
    if args.verb == "route" and args.clear and (args.shares or args.shadow):
        parser.error("--clear stands alone")
    if args.verb == "route" and len(dict(args.shares)) < len(args.shares):
        parser.error("an alias has one share")
    return args


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command.prog("registry"),
        description="Lists the model versions, promotes one to champion, and rolls back.",
        epilog="example: {0} list; `{0} VERB --help` explains a verb".format(command.prog("registry")),
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    printing = argparse.ArgumentParser(add_help=False)
    printing.add_argument("--json", action="store_true", help="print JSON instead of a table")
    gated = argparse.ArgumentParser(add_help=False)
    gated.add_argument("--params", type=Path, default=Path("params.yaml"), help="the file with the gate's thresholds")
    _add(verbs, "Print every version with its aliases and figures.", "list", printing)
    verb = _add(verbs, "Print one version with all its figures and its model card.", "show champion", printing)
    verb.add_argument("ref", metavar="REF", help="a version number or an alias")
    verb = _add(verbs, "Make a version champion, if the gate lets it.", "promote 3", printing, gated)
    verb.add_argument("ref", metavar="REF", help="a version number or an alias")
    verb.add_argument("--force", action="store_true", help="promote against the gate's verdict; needs --why")
    verb.add_argument("--why", metavar="TEXT", help="the reason, written into the log")
    sentence = "Choose a first champion and challenger, where there is none or it was trained on the stand-in."
    _add(verbs, sentence, "init", gated)
    _add(verbs, "Undo the newest promotion.", "rollback", printing)
    _add_route(verbs, printing)
    rollout.add_options(_add(verbs, rollout.SENTENCE, rollout.EXAMPLE, printing, gated))
    _add(verbs, "Print who changed what, when and why.", "log", printing)
    verb = _add(
        verbs, "Print how far the calls of each version are from its training set.", "drift --hours 48", printing
    )
    verb.add_argument("--hours", type=_hours, default=24.0, help="of the service's call log, until now; default 24")
    _add_quality(verbs, printing)
    verb = _add(verbs, "Send what waits for NOTIFY_URL, until the receiver has taken all of it.", "notify")
    verb.description += " Promotions, refusals and the like start this by themselves."
    return parser


def _add(
    verbs: argparse._SubParsersAction, sentence: str, example: str, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """A verb, the first word of `example`; `sentence` says what it does."""
    name, epilog = example.split()[0], f"example: {command.prog('registry')} {example}"
    return verbs.add_parser(name, parents=parents, help=sentence, description=sentence, epilog=epilog)


def _add_route(verbs: argparse._SubParsersAction, printing: argparse.ArgumentParser) -> None:
    sentence = "Share the calls that name no version out over aliases."
    verb = _add(verbs, sentence, "route challenger=10 --shadow none", printing)
    verb.description += " What is not given stays as it is; without arguments, the routing is printed."
    verb.add_argument(
        "shares", metavar="ALIAS=PERCENT", nargs="*", type=_share, help="the rest goes to the champion; 0 ends a share"
    )
    verb.add_argument("--shadow", metavar="ALIAS", help="its version gets every call and answers none; `none` ends it")
    verb.add_argument("--clear", action="store_true", help="everything to the champion again, and no shadow")


def _add_quality(verbs: argparse._SubParsersAction, printing: argparse.ArgumentParser) -> None:
    verb = _add(verbs, "Print how well each version answers the calls, by labels.", "quality --hours 48", printing)
    verb.description += " Labels are those of reviewers and callers; there is an estimate without them, too."
    verb.add_argument("--hours", type=_hours, default=24.0, help="of the service's call log, until now; default 24")
    verb.add_argument("--publish", action="store_true", help="also show the figures in the services' metrics")


def _share(text: str) -> tuple[str, float]:
    alias, equals, percent = text.partition("=")
    if not (alias and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not ALIAS=PERCENT")
    return alias, float(percent)


def _hours(text: str) -> float:
    if not 0 < (hours := float(text)) < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of hours")
    return hours


def run(registry: Registry, args: argparse.Namespace) -> None:
    match args.verb:
        case "list":
            list_versions(registry, args.json)
        case "show":
            show_version(registry, args.ref, args.json)
        case "promote":
            promote_version(registry, args.ref, args.params, args.why, args.json)
        case "init":
            output.print_aliases(initialise(registry, thresholds_from(args.params)), as_json=False)
        case "rollback":
            output.print_aliases(rollback(registry), args.json)
        case "route":
            change_routing(registry, dict(args.shares), args.shadow, args.clear)
            output.print_routing(read_routing(registry), args.json)
        case "rollout":
            rollout.run(registry, args)
        case "log":
            output.print_events(history(registry), args.json)
        case "drift":
            show_drift(registry, args.hours, args.json)
        case "quality":
            show_quality(registry, args.hours, args.json, args.publish)


def list_versions(registry: Registry, as_json: bool) -> None:
    versions = registry.versions()
    if not (versions or as_json):
        return print(NO_VERSIONS.format(registry.model_name))
    output.print_versions(versions, as_json)
    if not as_json and (routing := read_routing(registry)) != Routing():
        output.print_routing(routing, as_json)


def show_version(registry: Registry, ref: str, as_json: bool) -> None:
    version = registry.resolve(ref)
    output.print_version(version, "" if as_json else registry.card(version), as_json)


def promote_version(registry: Registry, ref: str, params: Path, why: str | None, as_json: bool) -> None:
    verdict = promote(registry, ref, thresholds_from(params), why)
    if verdict:
        output.print_verdict(verdict, as_json)
    elif as_json:
        output.print_json({"passed": True, "already": True})
    if not as_json:
        number = verdict.candidate if verdict else registry.resolve(ref).number
        print(f"version {number} is {'' if verdict else 'already '}champion")


def change_routing(registry: Registry, shares: dict[str, float], shadow: str | None, clear: bool) -> None:
    """Change the shares and the shadow that are given; `clear` ends all of them."""
    if clear:
        set_routing(registry, Routing())
    elif shares or shadow:
        now = read_routing(registry)
        remaining = {alias: share for alias, share in {**now.shares, **shares}.items() if share != 0}
        set_routing(registry, Routing(remaining, None if shadow == NO_SHADOW else shadow or now.shadow), before=now)


def show_drift(registry: Registry, hours: float, as_json: bool) -> None:
    calls = read_calls(datetime.now(UTC) - timedelta(hours=hours))
    predicted = (call for call in calls if call.source != CORRECTION)
    rows = ((call.version, call.label, call.characters, call.probability) for call in predicted)
    versions = drifts(registry, profiles_of(rows))
    if not (versions or as_json):
        return print(NO_VERSIONS.format(registry.model_name))
    output.print_drifts(versions, as_json)
    for version in versions:
        tell_drift(version)


def tell_drift(version: Drift) -> None:
    """Notify of a served version whose calls have drifted, once a day."""
    if version.aliases and version.drifted:
        details = {"version": version.version, "aliases": version.aliases, "calls": version.calls}
        indices = {"psi_labels": version.labels, "psi_lengths": version.lengths, "psi_scores": version.scores}
        notify(DRIFT, {**details, **indices}, once_a_day=version.version)


def deliver_waiting(settings: RegistrySettings) -> None:
    """Send what waits; exit status 1 where the receiver will never get some of it."""
    outbox = Outbox(settings.notify_path)
    for lost in outbox.given_up():
        at = datetime.fromtimestamp(lost.created_at, UTC)
        print(f"{lost.kind} of {at:%Y-%m-%d %H:%M}: given up: {lost.problem}")
    waiting = outbox.waiting()
    if not settings.notify_url.get_secret_value():
        return print(f"NOTIFY_URL is not set; {waiting} wait in {settings.notify_path}")
    if not waiting:
        return print(f"nothing waits in {settings.notify_path}")
    if deliver(settings, lambda line: print(line, flush=True)):
        sys.exit(1)


def show_quality(registry: Registry, hours: float, as_json: bool, publishing: bool) -> None:
    until = datetime.now(UTC)
    quality = measure(registry, until - timedelta(hours=hours), until, counting)
    print_quality(quality, as_json)
    if publishing:
        publish(registry, quality)


if __name__ == "__main__":
    command.run(main)
