"""The code blocks of the documentation, and the commands in them."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.M | re.S)
ASSIGNED = re.compile(r"[A-Z_]+=\S*")


class Command(NamedTuple):
    """One command line of a page; `words` are without the variables that it sets, `variables` are their names."""

    page: str
    line: str
    variables: tuple[str, ...]
    words: tuple[str, ...]


def blocks() -> list[tuple[str, str, str]]:
    """(page, language, content) of each fenced block."""
    found = []
    for page in PAGES:
        text = page.read_text()
        found += [
            (page.name, match[2], re.sub(f"^{match[1]}", "", match[3], flags=re.M)) for match in BLOCK.finditer(text)
        ]
        assert len(re.findall(r"^ *```", text, re.M)) == 2 * len(BLOCK.findall(text)), f"{page.name}: an open block"
    return found


def commands() -> list[Command]:
    """Those of the blocks `bash`, a command a line, and `console`, a command behind each `$ `."""
    found = []
    for page, language, content in blocks():
        lines = re.sub(r" *\\\n *", " ", content).splitlines()
        if language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        if language in ("bash", "console"):
            found += [command for line in lines if (command := _command(page, line)).words]
    return found


def _command(page: str, line: str) -> Command:
    words = shlex.split(line.removeprefix("export "), comments=True)
    own = next((i for i, word in enumerate(words) if not ASSIGNED.fullmatch(word)), len(words))
    variables = tuple(word.partition("=")[0] for word in words[:own])
    return Command(page, line, variables, tuple(words[own:]) or variables)
