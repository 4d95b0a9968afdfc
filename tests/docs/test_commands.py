"""Every command in the documentation is checked, in the strictest way that takes seconds.

| command | how it is checked |
| --- | --- |
| `curl` | run, against a service of toy versions: tests/docs/test_calls.py |
| all of clients.md | run, and what it prints compared: tests/system/test_clients.py |
| `python -m registry list`, `show`, `log`, `route`, where the toy registry has the version | run |
| `python -m bentos migrate`, `key`, `export`; `sms-spam completion`; blocks of Python | run |
| other `python -m ...`, `dvc`, `mlflow`, `bentoml` | not run but parsed by its own parser: verb and options exist |
| `make` | `make -n`: the target exists, it is not run |
| `pip wheel .` | tests/registry/test_console.py builds the wheel |
| `docker compose`, `kubectl`, `systemctl`, `git`, `.` | that the file, the unit, or the path that they name is there |
| variables before a command, or after `export` | that each is a setting |

A block in a language that is not known here, and a command that none of these is, fail.
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bentos.settings import Settings
from bentos.store.sqlite.schema import create_tables
from registry.__main__ import main as registry_main
from registry.__main__ import parse as parse_registry
from tests.docs.blocks import PAGES, ROOT, Command, blocks, commands
from tests.toyregistry import make_registry

ELSEWHERE = "clients.md"
LANGUAGES = {"bash", "console", "python", "yaml", "text"}
SETTINGS = {name.upper() for name in Settings.model_fields} | {"DATA_MIRROR"}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a toy registry of a champion and a challenger, and an empty call log."""
    folder = tmp_path_factory.mktemp("docs")
    make_registry(folder)
    create_tables(folder / "spam.db")
    return folder


@pytest.fixture
def here(home, monkeypatch) -> Path:
    """That folder as the current one, with nothing of this machine's settings."""
    monkeypatch.chdir(home)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SQLITE_PATH", str(home / "spam.db"))
    return home


class Parsed(Exception):
    """The words of a command were understood; it is not run."""


def check_python(words: list[str], monkeypatch) -> None:
    assert words[0] == "-m"
    module, rest = words[1], words[2:]
    if module == "registry":
        return check_registry(rest)
    if module == "bentos" and rest[0] in ("migrate", "key", "export") and rest != ["key"]:  # which lists a file
        return run([sys.executable, *words])
    parsing = argparse.ArgumentParser.parse_args

    def parse_only(self: argparse.ArgumentParser, *arguments: object) -> None:
        parsing(self, *arguments)
        raise Parsed

    name = module if (ROOT / module.replace(".", "/")).with_suffix(".py").exists() else f"{module}.__main__"
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "argv", [module, *rest])
    with pytest.raises(Parsed):
        importlib.import_module(name).main()


def check_registry(words: list[str]) -> None:
    parse_registry(words)
    numbers = {word for word in words if word.isdigit() or word == "workshop"}
    if words[0] in ("list", "show", "log", "route") and not numbers:
        registry_main(words)


def check_click(load: Callable[[], object], words: list[str], monkeypatch) -> None:
    """Down to the verb; click checks names and values as it makes the context."""
    command, context = load(), None
    rest = list(words)
    while True:
        context = command.make_context(command.name or "command", rest, parent=context)
        rest = [*context._protected_args, *context.args]
        if not (rest and hasattr(command, "get_command")):
            return
        command, rest = command.get_command(context, rest[0]), rest[1:]
        assert command is not None, words


def check_mlflow(words: list[str], monkeypatch) -> None:
    from mlflow.cli import cli

    check_click(lambda: cli, words, monkeypatch)


def check_bentoml(words: list[str], monkeypatch) -> None:
    from bentoml._internal.log import CLI_LOGGING_CONFIG
    from bentoml_cli.cli import cli

    monkeypatch.setitem(CLI_LOGGING_CONFIG, "disable_existing_loggers", False)  # they would stay so for later tests
    check_click(lambda: cli, words, monkeypatch)


def check_dvc(words: list[str], monkeypatch) -> None:
    from dvc.cli import parse_args

    parse_args(words)


def check_make(words: list[str], monkeypatch) -> None:
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_sms_spam(words: list[str], monkeypatch) -> None:
    run([sys.executable, "-c", "from registry.console import main; main()", *words])


def check_docker(words: list[str], monkeypatch) -> None:
    assert words[:2] == ["compose", "-f"] and (ROOT / words[2]).is_file()


def check_kubectl(words: list[str], monkeypatch) -> None:
    """Manifests are of this repository; the file of keys is what the block before makes."""
    if "apply" in words:
        assert words[-2] == "-k" and (ROOT / words[-1] / "kustomization.yaml").is_file()
    else:
        assert words[2:4] == ["create", "secret"] or words[:2] == ["create", "namespace"]


def check_systemctl(words: list[str], monkeypatch) -> None:
    assert (ROOT / "bentos/deploy" / re.sub(r"@\d+$", "@.service", words[-1])).is_file()


def check_git(words: list[str], monkeypatch) -> None:
    assert all((ROOT / word).exists() for word in words if "/" in word)


def check_activate(words: list[str], monkeypatch) -> None:
    assert words == [".venv/bin/activate"] and ".venv" in (ROOT / "Makefile").read_text()


def check_elsewhere(words: list[str], monkeypatch) -> None:
    """By another test: see the table."""


CHECKS: dict[str, Callable[[list[str], pytest.MonkeyPatch], None]] = {
    "python": check_python,
    "mlflow": check_mlflow,
    "bentoml": check_bentoml,
    "dvc": check_dvc,
    "make": check_make,
    "sms-spam": check_sms_spam,
    "docker": check_docker,
    "kubectl": check_kubectl,
    "systemctl": check_systemctl,
    "git": check_git,
    ".": check_activate,
    "curl": check_elsewhere,
    "pip": check_elsewhere,
}


def run(words: list[str]) -> None:
    done = subprocess.run(words, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def distinct() -> list[Command]:
    return list({(command.variables, command.words): command for command in commands()}.values())


@pytest.mark.parametrize("command", distinct(), ids=lambda command: f"{command.page}: {' '.join(command.words)}")
def test_the_command_is_one(command, here, monkeypatch):
    assert set(command.variables) <= SETTINGS
    if command.words != command.variables:
        CHECKS[command.words[0]](list(command.words[1:]), monkeypatch)


def test_the_python_of_the_pages_runs(here):
    for page, language, content in blocks():
        if language == "python" and page != ELSEWHERE:
            done = subprocess.run([sys.executable, "-c", f"import mlflow\n{content}"], capture_output=True, text=True)
            assert done.returncode == 0, (page, done.stderr)


def test_every_block_says_its_language_and_every_link_leads_somewhere():
    assert {language for _, language, _ in blocks()} <= LANGUAGES
    for page, language, content in blocks():
        hidden = [line for line in content.splitlines() if line.startswith("$ ")]
        assert language in ("bash", "console") or not hidden, (page, hidden)
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)(?:#\w+)?\)", page.read_text()):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_readme_is_one_screen_and_says_how_to_start_and_how_to_test():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 60
    assert any(line.startswith("make up") for line in lines) and any(line.startswith("make test") for line in lines)
