"""Parameters that cannot be used end a command with one line that names them."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines import params

ROOT = Path(__file__).parents[2]
PARAMS = (ROOT / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("section", "key", "value"), [("prepare", "shuffle", True), ("prepare", "test", 2), ("evaluate", "bins", "many")]
)
def test_a_wrong_parameter_is_named(tmp_path, section, key, value):
    read = yaml.safe_load(PARAMS)
    read[section][key] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(read))
    with pytest.raises(params.ParamsError, match=rf"params\.yaml: {section}\.{key}: "):
        params.load(tmp_path / "params.yaml")


def test_a_candidate_of_the_search_is_its_variant_but_for_what_it_changes(tmp_path):
    read = yaml.safe_load(PARAMS)
    read["search"] = {"small": {"of": "lstm", "network": {"units": 3}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(read))
    loaded = params.load(tmp_path / "params.yaml")
    small, whole = loaded.candidates["small"].model_dump(), loaded.variants["lstm"].model_dump()
    assert small["network"].pop("units") == 3 and whole["network"].pop("units") != 3
    assert small == whole


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        ({"small": {"of": "lstm", "network": {"width": 3}}}, r"search\.small\.network\.width: Extra inputs"),
        ({"small": {"of": "gru"}}, "search: .*small: needs a name of its own, and `of` one of: "),
        ({"lstm": {"of": "lstm"}}, "search: .*lstm: needs a name of its own"),
        ({"small": 3}, "search: .*small: "),
        ([3], "search: Input should be a valid dictionary"),
    ],
)
def test_a_candidate_that_cannot_be_made_is_named(tmp_path, candidate, reason):
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load(PARAMS) | {"search": candidate}))
    with pytest.raises(params.ParamsError, match=reason):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "feedback"}, "'feedback' is the source of callers' corrections"),
        ({"name": "Not a name"}, r"corpora\.0\.name: "),
        ({"optional": True}, "only a corpus outside may be optional"),
        ({"role": "outside"}, "the first, sms, must have the role train"),
        ({"name": "written"}, "two have the name written"),
        ({"name": "own"}, r"yaml: Value error, \w+\.corpora: no corpus to train on is named sms; there: own"),
    ],
)
def test_corpora_that_cannot_be_used_are_named(tmp_path, changes, reason):
    read = yaml.safe_load(PARAMS)
    read["corpora"][0] |= changes
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(read))
    with pytest.raises(params.ParamsError, match=reason):
        params.load(tmp_path / "params.yaml")


def test_a_variant_trains_on_the_corpora_that_it_names_and_else_on_all():
    loaded = params.load(ROOT / "params.yaml")
    named = loaded.variants["workshop"]
    assert (loaded.trained_on(named), named.sources) == (["sms"], ["sms", "feedback"])
    free = named.model_copy(update={"corpora": None})
    assert (loaded.trained_on(free), free.sources) == (["sms", "written"], None)


@pytest.mark.parametrize("content", [b"", b"corpora: [", b"\xff\xfe"], ids=["empty", "not YAML", "not UTF-8"])
def test_a_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(params.ParamsError, match=r"params\.yaml: ") as raised:
        params.load(tmp_path / "params.yaml")
    assert "\n" not in str(raised.value)


COMMANDS = {
    "fetch": [],
    "prepare": ["feedback", "out", "outside"],
    "validate": ["prepared", "out", "docs"],
    "baseline": ["prepared", "out"],
    "train": ["lstm", "prepared", "out"],
    "export": ["lstm", "prepared", "model", "out"],
    "evaluate": ["lstm", "prepared", "outside", "artifact", "baseline", "curves", "crossval", "out", "report"],
    "register": ["lstm", "prepared", "validation", "model", "artifact", "evaluation", "report"],
    "report": ["build", "out"],
    "crossval": [],
    "collect": [],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_ends_with_it(tmp_path, monkeypatch, name):
    (tmp_path / "params.yaml").write_text(PARAMS.replace("twin_similarity:", "similarity:"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, *COMMANDS[name]])
    with pytest.raises(params.ParamsError, match=r"prepare\.twin_similarity"):
        importlib.import_module(f"pipelines.{name}").main()
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_a_command_says_it_in_one_line_and_fails(tmp_path):
    (tmp_path / "params.yaml").write_text(PARAMS.replace("twin_similarity:", "similarity:"))
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.prepare", *COMMANDS["prepare"]],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "prepare.similarity" in line and "prepare.twin_similarity" in line


def test_an_unknown_variant_is_answered_with_those_there_are():
    with pytest.raises(params.ParamsError, match=r"no variant 'gru'; there are: workshop, linear, lstm$"):
        params.variant("gru", ROOT / "params.yaml")
