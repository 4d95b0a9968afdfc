"""Each stage, run by hand without its inputs, ends with one sentence and changes nothing."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "prepare nowhere feedback.csv out",
    "validate nowhere nowhere out.json docs",
    "baseline nowhere out",
    "train lstm nowhere out",
    "export lstm nowhere nowhere out",
    "evaluate lstm nowhere nowhere nowhere nowhere nowhere out",
    "register lstm nowhere nowhere nowhere",
    "crossval baseline --prepared nowhere --out out",
)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words.split()[0])
def test_a_missing_input_is_one_sentence(tmp_path, monkeypatch, words):
    """As `python -m` runs it, but in this process, where TensorFlow is imported already."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", words.split())
    name = words.split()[0]
    monkeypatch.delitem(sys.modules, f"pipelines.{name}", raising=False)  # or runpy warns of a module that runs twice
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"pipelines.{name}", run_name="__main__", alter_sys=True)
    assert end.value.code.startswith(f"{name}: ") and "nowhere" in end.value.code and "\n" not in end.value.code
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_every_stage_is_tried():
    stages = {file.stem for file in (ROOT / "pipelines").glob("*.py") if "stage.run(main" in file.read_text()}
    assert stages == {words.split()[0] for words in COMMANDS}
