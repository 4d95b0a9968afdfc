"""Each stage, run by hand without its inputs, ends with one sentence and changes nothing."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = {  # what is missing, by the command that reads it
    "prepare feedback.csv out outside": "data/SMSSpamCollection",
    "validate nowhere out.json docs": "data/SMSSpamCollection",
    "baseline nowhere out": "nowhere",
    "train lstm nowhere out": "nowhere",
    "export lstm nowhere nowhere out": "nowhere",
    "evaluate lstm nowhere nowhere nowhere nowhere nowhere nowhere out out": "nowhere",
    "register lstm nowhere nowhere nowhere nowhere nowhere nowhere": "nowhere",
    "report nowhere out": "nowhere",
    "crossval baseline --prepared nowhere --out out": "nowhere",
}


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
    said = end.value.code
    assert said.startswith(f"{name}: ") and COMMANDS[words] in said and "\n" not in said
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_every_stage_is_tried():
    stages = {file.stem for file in (ROOT / "pipelines").glob("*.py") if "stage.run(main" in file.read_text()}
    assert stages == {words.split()[0] for words in COMMANDS}
