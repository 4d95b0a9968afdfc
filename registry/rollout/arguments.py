"""`python -m registry rollout`: its options, and how it ends."""

import argparse
import re
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from registry.errors import RegistryError
from registry.output import routing_line
from registry.quality import live
from registry.rollout.checks import Judged, Limits
from registry.rollout.control import Stopped
from registry.rollout.driver import Rollout
from registry.rollout.figures import figures_of
from registry.rollout.plan import LiveQuality, Pair, Plan, start_problems
from registry.rollout.progress import Progress, print_plan
from registry.rollout.services import Services
from registry.route import read_routing
from registry.settings import RegistrySettings
from registry.thresholds import thresholds_from
from registry.versions import Registry

SENTENCE = "Give a version more and more of the calls, and at last the champion's place, or none."
EXAMPLE = "rollout challenger --steps 5,25,50,100 --hold 15m"
MORE = (
    " It looks at errors, times, labels and live quality, and sets the share back to 0 where something is wrong."
    " The same command goes on with a rollout that was interrupted; `route ALIAS=0` ends it."
)
SERVICE = "http://127.0.0.1:3000"
UNITS = {"s": 1, "m": 60, "h": 3600}
WAIT = 3  # holds


def add_options(verb: argparse.ArgumentParser) -> None:
    verb.description += MORE
    default = "5,25,50,100"
    verb.add_argument("alias", metavar="ALIAS", help="whose version is the candidate")
    _add(verb, "--steps", "PERCENT", _steps, _steps(default), f"the shares, one after the other; default {default}")
    _add(verb, "--hold", "TIME", _seconds, 900.0, "how long each share is kept, as 30s, 15m or 2h; default 15m")
    _add(verb, "--calls", "NUMBER", _count, 200, "that each version must have had in a step; default 200")
    _add(verb, "--wait", "TIME", _seconds, None, "how much longer a step waits for them; default 3 holds")
    timeout = "how long metrics or registry may be away, or a version not loaded; default 1m"
    _add(verb, "--timeout", "TIME", _seconds, 60.0, timeout)
    latency = "how many times the champion's median or 99th percentile are too slow; default 3"
    _add(verb, "--latency", "FACTOR", _factor, Limits.latency, latency)
    labels = "by how many points a label's share may differ from the champion's; default 10"
    _add(verb, "--labels", "PERCENT", _percent, Limits.labels, labels)
    service = f"whose /metrics are read; once for each replica; default {SERVICE}. SERVICE_KEY is the key for them"
    verb.add_argument("--service", metavar="URL", action="append", type=_url, help=service)
    verb.add_argument("--no-quality", action="store_true", help="where the call log cannot be read from here")
    verb.add_argument("--dry-run", action="store_true", help="print the plan and today's figures, change nothing")


def _add(
    verb: argparse.ArgumentParser, name: str, metavar: str, read: Callable[[str], Any], default: Any, text: str
) -> None:
    verb.add_argument(name, metavar=metavar, type=read, default=default, help=text)


def plan_of(args: argparse.Namespace) -> Plan:
    wait = WAIT * args.hold if args.wait is None else args.wait
    limits = Limits(args.latency, args.labels)
    return Plan(args.alias, args.steps, args.hold, wait, args.calls, args.timeout, limits)


def run(registry: Registry, args: argparse.Namespace) -> None:
    """Exits with 1 when the rollout stopped. Raises RegistryError where it cannot begin."""
    services = Services(args.service or [SERVICE], RegistrySettings().service_key.get_secret_value())
    plan, quality = plan_of(args), None if args.no_quality else live_quality(registry)
    if args.dry_run:
        return show_plan(registry, args, plan, services, quality)
    progress = Progress(args.json)
    rollout = Rollout(registry, plan, services, thresholds_from(args.params), quality, progress)
    try:
        rollout.run()
    except Stopped as stopped:
        progress.stopped(str(stopped), plan.alias)
        sys.exit(f"registry: the rollout stopped, {plan.alias} has no share any more: {stopped}")
    except KeyboardInterrupt:
        print(_left(registry, plan.alias), file=sys.stderr)
        raise
    finally:
        progress.end()


def show_plan(
    registry: Registry, args: argparse.Namespace, plan: Plan, services: Services, quality: LiveQuality | None
) -> None:
    pair, look, routing = Pair.of(registry, plan.alias), services.look(), read_routing(registry)
    problems = list(start_problems(registry, plan, pair, routing, look, thresholds_from(args.params), quality))
    figures = (figures_of(look.counts, version.number) for version in (pair.candidate, pair.champion))
    print_plan(plan, pair, *figures, problems, quality is not None, args.json)
    if problems:
        sys.exit(1)


def live_quality(registry: Registry) -> LiveQuality:
    """By the random sample of the review alone: what callers correct are mistakes, of any version."""

    def judged(since: datetime) -> dict[str, Judged]:
        random = {number: samples["random"] for number, samples in live(registry, since).items()}
        return {
            number: Judged(found.caught.count, found.caught.of, found.blocked.count, found.blocked.of)
            for number, found in random.items()
        }

    return judged


def _left(registry: Registry, alias: str) -> str:
    """What an interrupted rollout leaves behind, and what to do."""
    try:
        routing = routing_line(read_routing(registry))
    except RegistryError as error:
        routing = f"the routing is as it was ({error})"
    return (
        f"registry: interrupted; {routing}. Nobody watches it now: the same command goes on, "
        f"`python -m registry route {alias}=0` ends it"
    )


def _steps(text: str) -> tuple[float, ...]:
    steps = tuple(float(part) for part in text.split(","))
    if not all(low < high for low, high in pairwise((0.0, *steps))) or not steps[-1] <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: the steps rise, above 0 and up to 100 percent")
    return steps


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match or not 0 < (seconds := float(match[1]) * UNITS[match[2]]) <= 7 * 24 * 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration as 30s, 15m or 2h, of a week at most")
    return seconds


def _count(text: str) -> int:
    if not 0 < (count := int(text)) < 10**9:
        raise argparse.ArgumentTypeError(f"{text} is no number of calls")
    return count


def _factor(text: str) -> float:
    if not 1 < (factor := float(text)) <= 1000:
        raise argparse.ArgumentTypeError(f"{text} is not above 1")
    return factor


def _percent(text: str) -> float:
    if not 0 < (percent := float(text)) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100 percent")
    return percent / 100


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise argparse.ArgumentTypeError("give a service as http://HOST:PORT; a key for it goes into SERVICE_KEY")
    return text.rstrip("/")
