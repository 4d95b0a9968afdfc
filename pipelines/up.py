"""Go from a fresh clone to the running service, and tell each step with its time: what `make up` does.

Each step is a command that does nothing twice. This module needs the standard library alone, since the first step
installs the rest.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from registry import command

PYTHONS = ((3, 11), (3, 14))  # from the first, up to before the second
BIN = Path(".venv/bin")
LOG = Path("build/up.log")
LOOK_EVERY = 0.2  # seconds between two looks at whether the service answers
ASK_URL = "from bentos.settings import read_settings; print(read_settings().url)"
NEXT = """
The service answers on {url} and Ctrl-C ends it.
A new shell finds dvc, mlflow, bentoml and the rest after

    . .venv/bin/activate

Three things to do next:

    curl '{url}/prediction?text=You+won+a+prize'
    python -m registry list     # the versions of the model, and which is champion
    mlflow ui                   # every training, for a browser

or open {url} itself in a browser.
"""


class Step(NamedTuple):
    """`shown` is what of a line of the command's output a person reads; "" for nothing."""

    title: str
    command: list[str]
    shown: Callable[[str], str]


def everything(line: str) -> str:
    return line


def nothing(line: str) -> str:
    return ""


def stage_name(line: str) -> str:
    """The stage that DVC says it is running now."""
    running = re.match(r"Running stage '(.+)':", line)
    return running[1] if running else ""


STEPS = [
    Step("Python environment", ["make", "--no-print-directory", ".venv/ready"], nothing),
    Step("corpora", [str(BIN / "python"), "-m", "pipelines.fetch"], everything),
    Step("stages of the pipeline that changed", [str(BIN / "dvc"), "repro"], stage_name),
    Step("champion and challenger", [str(BIN / "python"), "-m", "registry", "init"], everything),
]
LAST = "service"


def main() -> None:
    version = sys.version_info[:2]
    if not PYTHONS[0] <= version < PYTHONS[1]:
        sys.exit(f"this is Python {version[0]}.{version[1]}; 3.11 to 3.13 will do: make up PYTHON=python3.12")
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    for number, step in enumerate(STEPS, 1):
        run(number, step)
    serve(len(STEPS) + 1)


def run(number: int, step: Step) -> None:
    """Run the step's command; its output goes to LOG, and to the terminal when it fails."""
    started, output = time.monotonic(), []
    _print_step(number, step.title)
    process = subprocess.Popen(step.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with LOG.open("a") as log:
        try:
            for line in process.stdout:
                output.append(line)
                log.write(line)
                if text := step.shown(line.rstrip()):
                    print(f"      {text}", flush=True)
            status = process.wait()
        except KeyboardInterrupt:
            process.communicate()  # the command was interrupted, too, and tidies up
            raise
    if status:
        print("".join(output), end="", file=sys.stderr)
        print(f"step {number} failed: {' '.join(step.command)}", file=sys.stderr)
        sys.exit(status if status > 0 else 128 - status)
    _print_time(started)


def serve(number: int) -> None:
    """Become `bentoml serve`; a second process waits until it answers, and tells where and what to do next."""
    _print_step(number, LAST)
    asked = subprocess.run([BIN / "python", "-c", ASK_URL], capture_output=True, text=True)
    url = asked.stdout.strip()
    if asked.returncode == 0 and not answers(url):  # else `bentoml serve` says what is wrong
        service, started = os.getpid(), time.monotonic()
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
            greet(url, service, started)
            os._exit(0)
    os.execv(BIN / "bentoml", ["bentoml", "serve"])


def greet(url: str, service: int, started: float) -> None:
    """Print the end of the display once the service answers, unless it has ended before."""
    while not answers(url):
        if os.getppid() != service:
            return
        time.sleep(LOOK_EVERY)
    _print_time(started)
    print(NEXT.format(url=url), flush=True)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/livez", timeout=5):
            return True
    except OSError:
        return False


def _print_step(number: int, title: str) -> None:
    print(f"[{number}/{len(STEPS) + 1}] {title}", flush=True)


def _print_time(started: float) -> None:
    print(f"      {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    command.run(main)
