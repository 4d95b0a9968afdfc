"""`python -m tests.benchmarks.quick [COMMIT]`: did the service become faster or slower since that commit?

COMMIT is checked out beside this tree, and both are measured in turns on this machine, this tree with its uncommitted
changes. In each round both services are started anew, so the noise contains what differs from start to start, and each
load is put first on one, then on the other. The table has for each figure the medians, the ratio this/base, and the
bounds between which it lies; it has moved where they exclude 1, which equal commits do in one figure of one run in
twenty. The longer and the more rounds, the smaller are the changes that are found.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.benchmarks.messages import messages
from tests.benchmarks.noise import FALSE_ALARMS, Comparison, compare
from tests.benchmarks.peers.served import PeerError
from tests.benchmarks.side import Figures, Side, ask, registry_uri, scenarios, warm_up
from tests.project import ROOT

RATES = ("requests/s",)  # the units of which more is better
ASKED = 200  # different texts, over HTTP
LEAST_ROUNDS = 3
NEITHER = "within the noise"


class QuickError(SystemExit):
    """Nothing can be compared; the message says why."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quick", description=__doc__.splitlines()[0])
    parser.add_argument("base", nargs="?", help="default: HEAD where a tracked file has changed, or else HEAD~1")
    parser.add_argument("--rounds", type=int, default=8, help=f"at least {LEAST_ROUNDS}; default 8")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each load in a round; default 1.5")
    parser.add_argument("--fail", action="store_true", help="exit with 1 where a figure has moved for the worse")
    args = parser.parse_args()
    if args.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: the noise is measured from round to round; at least {LEAST_ROUNDS}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended then, too
    try:
        found = run(args.base or default_base(), args.rounds, args.seconds)
    except KeyboardInterrupt:
        sys.exit(130)
    except PeerError as error:
        raise QuickError(f"bench-quick: {error}") from error
    except subprocess.CalledProcessError as error:  # it has said why
        raise QuickError(f"bench-quick: failed: {' '.join(map(str, error.cmd))}") from error
    print("\n".join(table(found)))
    sys.exit(args.fail and any(verdict(unit, one).endswith("worse") for (_, unit), one in found.items()))


def run(base: str, rounds: int, seconds: float) -> dict[tuple[str, str], Comparison]:
    """The comparison of each figure. Raises QuickError and PeerError."""
    commit = resolve(base)
    print(f"base: {describe(commit)}\nthis: {describe('HEAD')}{' and uncommitted changes' * changed()}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {rounds} rounds", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-quick-") as name, checkout(commit, Path(name) / "tree") as tree:
        sides = [Side("base", tree, Path(name) / "base"), Side("this", ROOT, Path(name) / "this")]
        measured, started = [], time.monotonic()
        for number, figures in enumerate(in_rounds(sides, rounds, seconds), 1):
            measured.append(figures)
            print(f"round {number} of {rounds}, {time.monotonic() - started:.0f} s", flush=True)
    return compare_all(measured)


def in_rounds(sides: Sequence[Side], rounds: int, seconds: float) -> Iterator[list[Figures]]:
    """The figures of each round, of all sides in their order."""
    artifact, texts = champion(), messages()
    asked, numbers = scenarios(texts[:ASKED]), count(1)
    for number in range(rounds):
        figures: list[Figures] = [{} for _ in sides]
        order = range(len(sides))[:: -1 if number % 2 else 1]
        with ExitStack() as stack:
            services = {}
            for i in order:
                services[i] = stack.enter_context(sides[i].service(number))
                figures[i]["start to the first answer", "s"] = services[i].seconds
            run = next(numbers)
            for i in order:
                warm_up(services[i], asked, run)
            for scenario in asked:
                run = next(numbers)
                for i in order:
                    figures[i] |= ask(services[i], scenario, run, seconds)
            for i in order:
                figures[i]["resident memory of all processes", "MB"] = services[i].memory().rss
        for i in order:
            figures[i] |= sides[i].classify(artifact, texts, seconds)
        yield figures


def compare_all(measured: Sequence[Sequence[Figures]]) -> dict[tuple[str, str], Comparison]:
    """Each figure that both sides have in every round; `measured` holds the base's and this tree's of each round."""
    names = [name for name in measured[0][0] if all(name in side for figures in measured for side in figures)]
    values = {name: [[figures[i][name] for figures in measured] for i in range(2)] for name in names}
    return {name: compare(base, this, len(names)) for name, (base, this) in values.items()}


def table(found: dict[tuple[str, str], Comparison]) -> Iterator[str]:
    """The lines of the table, and what its bounds mean."""
    yield f"{'':32}{'':16}{'base':>10}{'this':>10}{'ratio':>8}   {'between':15}"
    for (row, unit), one in found.items():
        bounds = f"{one.low:.3f} and {min(one.high, 99):.3f}"
        values = f"{one.base:10,.{digits(one.base)}f}{one.this:10,.{digits(one.this)}f}{one.ratio:8.3f}"
        yield f"{row:32}{unit:>16}{values}   {bounds:17}{verdict(unit, one)}"
    sure = 100 * (1 - FALSE_ALARMS)
    yield f"All bounds hold together with {sure:.0f} % confidence. A busy machine widens them: repeat what surprises."


def digits(value: float) -> int:
    return 3 if value < 1 else 2 if value < 100 else 0


def verdict(unit: str, one: Comparison) -> str:
    if not one.moved:
        return NEITHER
    return "moved: better" if (one.ratio > 1) == (unit in RATES) else "moved: worse"


@contextmanager
def checkout(commit: str, tree: Path, repository: Path = ROOT) -> Iterator[Path]:
    """The commit's files in a worktree of git, which is removed at the end."""
    git("worktree", "add", "--detach", "--quiet", str(tree), commit, repository=repository)
    try:
        yield tree
    finally:
        git("worktree", "remove", "--force", str(tree), repository=repository)


def default_base() -> str:
    """What this tree came from: the commit that it changes, or the one before."""
    return "HEAD" if changed() else "HEAD~1"


def changed() -> bool:
    """Whether a tracked file differs from HEAD."""
    return bool(git("status", "--porcelain", "--untracked-files=no"))


def resolve(base: str, repository: Path = ROOT) -> str:
    """The commit's full name. Raises QuickError where git knows none of this name."""
    try:
        return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}", repository=repository)
    except subprocess.CalledProcessError:
        raise QuickError(f"bench-quick: git knows no commit {base!r}; BASE= is a commit, a branch or a tag") from None


def describe(commit: str) -> str:
    return git("log", "-1", "--format=%h %s", commit)


def git(*words: str, repository: Path = ROOT) -> str:
    done = subprocess.run(["git", *words], cwd=repository, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def champion() -> Path:
    """The artifact of the champion, or of the newest version where there is none. Raises QuickError."""
    from registry.errors import RegistryError
    from registry.quick import QuickRegistry
    from registry.settings import RegistrySettings
    from registry.versions import CHAMPION

    registry = QuickRegistry(RegistrySettings().model_name, registry_uri())
    try:
        versions = registry.versions()
        if not versions:
            raise QuickError("bench-quick: no version is registered; `make pipeline` trains and registers them")
        return registry.folder(next((version for version in versions if CHAMPION in version.aliases), versions[0]))
    except RegistryError as error:
        raise QuickError(f"bench-quick: {error}") from error


if __name__ == "__main__":
    main()
