"""Train again once people have labelled enough new texts, or the champion's calls have drifted.

    python -m pipelines.retrain --corrections 50 --drift .2 [--promote]

Until one of the two limits is reached it does nothing, says so in a sentence, and ends with status 0, so that a timer
may run it every hour. Then it collects what reviewers labelled, runs `dvc repro`, which registers the new versions, and
tells NOTIFY_URL. With `--promote`, the best new version becomes champion if the gate passes it; never otherwise.

A text is new where `prepare.feedback`, the file of corrections, does not have it with this label, or dvc.lock says that
the last `dvc repro` did not read this very file. So the file itself says what was learnt, and no date does: a date in
the registry would still say "learnt" when somebody's `git checkout` has taken the texts out of the file, and
corrections that waited in a spool arrive with old dates. Drift without any new text trains nothing: there is nothing
to learn from.

Where a step fails, or after Ctrl-C, the file of corrections and dvc.lock are as they were, unless somebody else has
changed them meanwhile, the exit status is not 0, and the next run tries again. What the steps print is in
build/retrain/retrain.log alone, since there may be texts in it.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from pipelines import params, stage
from pipelines.collect import ExportError, collect, is_rejected, read_rows
from pipelines.data.corpus import CorpusError
from pipelines.hashing import md5_of_file
from pipelines.reproduction import (
    DVC_LOCK,
    LOG,
    WORK,
    Busy,
    StepFailed,
    only_one,
    reproduce,
    restore,
    unchanged_on_failure,
    write,
)
from registry import command
from registry.errors import RegistryError
from registry.notify import RETRAINED, RETRAINING_FAILED, notify
from registry.promote import Refused, best, promote
from registry.settings import RegistrySettings
from registry.thresholds import thresholds_from
from registry.versions import CHAMPION, Registry, Version

COLLECTED = WORK / "feedback.csv"  # what would be trained on
PARAMS = Path("params.yaml")


class Found(NamedTuple):
    """How many texts are new, and the greatest PSI of the champion's calls; None where it is not known or asked for."""

    new: int
    drift: float | None


class Limits(NamedTuple):
    """From which numbers on there is a retraining; None where a number does not matter."""

    corrections: int | None
    drift: float | None


def reason(found: Found, limits: Limits) -> str:
    """Why there is to be a retraining, in words; empty where there is to be none."""
    if limits.corrections is not None and found.new >= limits.corrections:
        return f"{found.new} new texts"
    return f"a drift of {found.drift:.3f}, and {found.new} new texts" if found.new and _drifted(found, limits) else ""


def reason_against(found: Found, limits: Limits) -> str:
    """Why there is none, in a sentence."""
    enough = "" if limits.corrections is None else f" of {limits.corrections}"
    said = f"nothing to do: {found.new} new texts{enough}"
    if limits.drift is None:
        return said
    if _drifted(found, limits):
        return f"{said}; the champion has drifted ({found.drift:.3f}), but there is nothing new to learn from"
    known = "not known" if found.drift is None else f"{found.drift:.3f} of {limits.drift:g}"
    return f"{said}; the champion's drift is {known}"


def _drifted(found: Found, limits: Limits) -> bool:
    return found.drift is not None and limits.drift is not None and found.drift >= limits.drift


def look(limits: Limits, feedback: Path, unreviewed: bool, hours: float) -> Found:
    """Write what would be trained on to COLLECTED, and compare. Raises StepFailed."""
    COLLECTED.unlink(missing_ok=True)
    try:
        with LOG.open("w") as log, redirect_stdout(log):  # texts whose label is disputed are printed
            print(collect(COLLECTED, not unreviewed, earlier=feedback))
        known = _labelled(feedback) if is_trained_on(feedback) else set()
        new = len(_labelled(COLLECTED) - known)
    except (ExportError, CorpusError, OSError) as error:
        raise StepFailed("collect", error) from error
    return Found(new, None if limits.drift is None else champion_drift(hours))


def _labelled(path: Path) -> set[tuple[str, str]]:
    """The texts of the file with their labels."""
    return {(row.get("text", ""), row.get("label", "")) for row in read_rows(path) if not is_rejected(row)}


def is_trained_on(feedback: Path) -> bool:
    """Whether the last `dvc repro` read this very file: dvc.lock has its MD5."""
    if not (DVC_LOCK.exists() and feedback.exists()):
        return False
    stages = (yaml.safe_load(DVC_LOCK.read_text()) or {}).get("stages", {}).values()
    recorded = [dep.get("md5") for one in stages for dep in one.get("deps", []) if dep["path"] == feedback.as_posix()]
    return md5_of_file(feedback) in recorded


def champion_drift(hours: float) -> float | None:
    """The greatest PSI of the champion's calls, by `python -m registry drift`, which notifies of it, too.

    None where the registry has no champion, or the champion too few calls. Raises StepFailed.
    """
    words = [sys.executable, "-m", "registry", "drift", "--hours", str(hours), "--json"]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise StepFailed("drift", done.stderr.strip().rpartition("\n")[2])
    champions = [version for version in json.loads(done.stdout) if CHAMPION in version["aliases"]]
    return max((index for one in champions for index in one.values() if isinstance(index, float)), default=None)


def look_and_retrain(args: argparse.Namespace, feedback: Path, lock: int) -> None:
    limits = Limits(args.corrections, args.drift)
    try:
        found = look(limits, feedback, args.unreviewed, args.hours)
        if not (why := reason(found, limits)):
            return print("retrain:", reason_against(found, limits))
        versions = retrain(why, found, feedback, lock)
    finally:
        COLLECTED.unlink(missing_ok=True)
    if versions and args.promote:
        promote_best(versions)


def retrain(why: str, found: Found, feedback: Path, lock: int) -> list[Version]:
    """Train on COLLECTED; returns the versions that are new in the registry. Raises StepFailed, RegistryError."""
    print(f"retrain: {why}; what the steps say is in {LOG}", flush=True)
    before = {version.number for version in _registry().versions()}
    with unchanged_on_failure((feedback, DVC_LOCK)):
        write(COLLECTED, feedback)
        reproduce(lock)
    versions = [version for version in reversed(_registry().versions()) if version.number not in before]
    numbers = [version.number for version in versions]
    notify(RETRAINED, {"versions": numbers, "new_texts": found.new, "drift": found.drift})
    said = f"registered version {', '.join(numbers)}" if numbers else "the new texts change no version"
    print(f"retrain: {said}; {feedback} and {DVC_LOCK} are to be committed")
    return versions


def promote_best(versions: Collection[Version]) -> None:
    """Make the best one champion, if the gate lets it. Raises Refused, RegistryError, ValidationError."""
    candidate = best(list(versions))
    promote(_registry(), candidate.number, thresholds_from(PARAMS))
    print(f"retrain: version {candidate.number} is champion")


def _registry() -> Registry:
    store = RegistrySettings()
    return Registry(store.model_name, store.mlflow_tracking_uri)


def main() -> None:
    args = _arguments()
    feedback = params.load(PARAMS).prepare.feedback
    signal.signal(signal.SIGTERM, _exit)
    try:
        with only_one() as lock:
            if restore((feedback, DVC_LOCK)):
                print(f"retrain: the last one was cut off; what it wrote to {feedback} and {DVC_LOCK} is taken back")
            look_and_retrain(args, feedback, lock)
    except (Busy, Refused) as error:  # of a refusal NOTIFY_URL was told
        sys.exit(f"retrain: {error}")
    except (StepFailed, RegistryError, ValidationError, OSError) as error:
        step = error.step if isinstance(error, StepFailed) else "registry"
        notify(RETRAINING_FAILED, {"step": step})
        sys.exit(f"retrain: {error}")


def _arguments() -> argparse.Namespace:
    parser = stage.parser("retrain", __doc__, "--corrections 50 --drift .2 --promote")
    parser.description += " What it does is told in the docstring of its module and in docs/retraining.md."
    parser.add_argument("--corrections", type=_positive(int), metavar="N", help="from N new texts on")
    parser.add_argument("--drift", type=_positive(float), metavar="PSI", help="from this drift of the champion on")
    parser.add_argument("--hours", type=_positive(float), default=24.0, help="of calls that drift is of; default 24")
    parser.add_argument("--unreviewed", action="store_true", help="also what callers corrected and nobody has reviewed")
    parser.add_argument("--promote", action="store_true", help="the best new version, if the gate passes it")
    args = parser.parse_args()
    if args.corrections is None and args.drift is None:
        parser.error("give --corrections N, --drift PSI or both")
    return args


def _positive(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    def number(text: str) -> int | float:
        if not 0 < (value := kind(text)) < 1e6:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return number


def _exit(number: int, frame: object) -> None:
    raise SystemExit(128 + number)  # as a shell has it; the blocks that are left put the files back


if __name__ == "__main__":
    command.run(main)
