"""`python -m bentos`, run as other programs run it: with rows of JSON on its standard input and output."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def bentos(folder: Path, *words: str, rows: str = "", expect: int = 0, **settings: str) -> tuple[list[dict], str]:
    """The rows on standard output, and standard error; the files that it uses are in `folder`."""
    paths = {"SQLITE_PATH": "spam.db", "SPOOL_PATH": "spool.db", "VERSIONS_PATH": "versions"}
    environment = {**os.environ, **{name: str(folder / path) for name, path in paths.items()}, **settings}
    command = [sys.executable, "-m", "bentos", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, input=rows, capture_output=True, text=True)
    assert done.returncode == expect, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr
