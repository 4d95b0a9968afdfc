"""The console command, from the wheel: built as `pip wheel .` builds it, unpacked, and run away from the repository."""

import argparse
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bentos.__main__ import build_parser as bentos
from registry.__main__ import build_parser as registry
from registry.console import pipeline_commands
from tests.toyregistry import empty_registry

ROOT = Path(__file__).parents[2]
COMPLETION = """
source {script}
COMP_WORDS=({words} ""); COMP_CWORD={place}; _shtab_sms_spam; echo "${{COMPREPLY[@]}}"
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("sms_spam-*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def sms_spam(unpacked: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the script `sms-spam` of the wheel does."""
    command = [sys.executable, "-c", "from registry.console import main; main()", *words]
    environment = {**os.environ, "PYTHONPATH": str(unpacked), **variables}
    return subprocess.run(command, cwd=unpacked.parent, env=environment, capture_output=True, text=True)


def test_the_wheel_has_the_packages_with_their_data_and_no_tests(unpacked):
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".dist-info"} == {
        *("pipelines", "registry", "bentos")
    }
    for name in ("bentos/web/index.html", "bentos/deploy/nginx.conf", "bentos/serve.txt", "registry/py.typed"):
        assert (unpacked / name).is_file()
    assert (unpacked / "pipelines/written/messages.csv").stat().st_size > 100_000
    assert not (unpacked / "pipelines/feedback.csv").exists(), "texts that callers sent"
    (info,) = unpacked.glob("*.dist-info")
    assert "sms-spam = registry.console:main" in (info / "entry_points.txt").read_text()


def test_it_runs_what_python_m_runs_and_names_itself_so(unpacked, tmp_path):
    listed = sms_spam(unpacked, "registry", "list", MLFLOW_TRACKING_URI=empty_registry(tmp_path))
    assert (listed.returncode, listed.stdout) == (0, "no version of sms-spam yet; `dvc repro` registers them\n")
    assert "example: sms-spam bentos key ann" in sms_spam(unpacked, "bentos", "key", "--help").stdout
    assert "usage: sms-spam pipelines collect" in sms_spam(unpacked, "pipelines", "collect", "--help").stdout
    assert "baseline" in sms_spam(unpacked, "pipelines", "--help").stdout


def test_a_package_that_is_not_installed_is_named_with_what_brings_it(unpacked, tmp_path):
    (tmp_path / "shtab.py").write_text("raise ModuleNotFoundError('no', name='shtab')")
    refused = sms_spam(unpacked, "completion", "bash", PYTHONPATH=f"{tmp_path}:{unpacked}")
    assert refused.returncode == 1 and "needs the package shtab; `pip install 'sms-spam[train]'`" in refused.stderr


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_groups_verbs_and_options(unpacked, tmp_path):
    script = tmp_path / "completion"
    script.write_text(sms_spam(unpacked, "completion", "bash").stdout)

    def completed(*words: str) -> set[str]:
        text = COMPLETION.format(script=script, words=" ".join(words), place=len(words))
        return set(subprocess.run(["bash", "-c", text], check=True, capture_output=True, text=True).stdout.split())

    assert {"registry", "bentos", "pipelines"} <= completed("sms-spam")
    assert {"list", "promote", "rollback"} <= completed("sms-spam", "registry")
    assert {"crossval", "train"} <= completed("sms-spam", "pipelines")


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its verbs, however deep."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from parsers(verb)


@pytest.mark.parametrize("build", [registry, bentos])
def test_every_verb_says_a_sentence_and_an_example_and_every_argument_has_a_help(build):
    for parser in parsers(build()):
        assert parser.description.endswith("."), parser.prog
        assert parser.epilog.startswith("example: "), parser.prog
        assert all(action.help for action in parser._actions if not isinstance(action, argparse._SubParsersAction))


def test_every_command_of_the_pipeline_says_what_it_does_in_one_sentence():
    commands = pipeline_commands()
    assert {"fetch", "train", "crossval", "collect"} <= commands.keys()
    assert all(sentence.endswith(".") for sentence in commands.values())
