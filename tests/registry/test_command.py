"""How the commands end, as processes of their own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE = "import sys, time\nfrom registry.command import run\n"


def start(folder: Path, body: str, *words: str) -> subprocess.Popen:
    """`python -m toy`, whose main is `body`."""
    (folder / "toy.py").write_text(f"{BASE}def main():\n    {body}\nif __name__ == '__main__': run(main, ValueError)\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "toy", *words], cwd=folder, env=environment, **pipes)


def interrupt(process: subprocess.Popen) -> tuple[int, str]:
    """Send what Ctrl-C sends; the exit status as a shell has it, and standard error."""
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    return process.returncode if process.returncode >= 0 else 128 - process.returncode, error


def test_an_interrupt_is_quiet(tmp_path):
    process = start(tmp_path, "print('on', flush=True); time.sleep(60)")
    assert process.stdout.readline() == "on\n"
    assert interrupt(process) == (130, "")


@pytest.mark.parametrize("package", ["registry", "bentos", "pipelines"])
def test_an_interrupt_while_a_package_is_imported_is_quiet(tmp_path, package):
    """The package's module `slow` stands for the seconds that MLflow and TensorFlow take."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text((ROOT / package / "__init__.py").read_text())
    if package != "registry":
        (tmp_path / "registry").symlink_to(ROOT / "registry")
    else:
        (tmp_path / package / "command.py").symlink_to(ROOT / "registry/command.py")
    (tmp_path / package / "slow.py").write_text("import time\nprint('on', flush=True)\ntime.sleep(60)\n")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-m", f"{package}.slow"], cwd=tmp_path, **pipes)
    assert process.stdout.readline() == "on\n"
    assert interrupt(process) == (130, "")


def test_a_reader_that_goes_away_ends_it_without_a_word(tmp_path):
    process = start(tmp_path, "[print('x' * 1000) for _ in range(1000)]")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait() == 141


def test_a_reader_that_is_gone_before_the_first_line_does_so_too(tmp_path):
    process = start(tmp_path, "sys.stdin.read(); print('x')")
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == "" and process.wait() == 141


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("open('gone.txt')", "toy: there is no gone.txt"),
        ("open('.')", "toy: .: Is a directory"),
        ("raise ValueError('it broke')", "toy: it broke"),
    ],
)
def test_an_expected_error_is_one_sentence(tmp_path, body, sentence):
    process = start(tmp_path, body)
    _, error = process.communicate()
    assert error == f"{sentence}\n" and process.returncode == 1


def test_another_error_keeps_its_traceback(tmp_path):
    _, error = start(tmp_path, "{}['x']").communicate()
    assert "Traceback" in error and "KeyError" in error
