"""The steps of `make up`."""

import sys

import pytest

from pipelines import up


@pytest.fixture(autouse=True)
def log(tmp_path, monkeypatch):
    monkeypatch.setattr(up, "LOG", tmp_path / "up.log")
    return up.LOG


def step(body: str) -> up.Step:
    return up.Step("a step", [sys.executable, "-c", body], up.stage_name)


def test_of_dvc_s_output_a_step_shows_the_stages_that_run_and_keeps_the_rest(log, capsys):
    said = "Stage 'prepare' didn't change, skipping\nRunning stage 'train@lstm':\n> python -m pipelines.train\n"
    up.run(3, step(f"print({said!r}, end='')"))
    first, stage, seconds = capsys.readouterr().out.splitlines()
    assert (first, stage) == ("[3/5] a step", "      train@lstm") and seconds.endswith(" s")
    assert log.read_text() == said


def test_a_step_that_fails_shows_all_that_it_said_and_ends_with_its_status(capsys):
    with pytest.raises(SystemExit) as end:
        up.run(3, step("import sys; print('first'); print('why', file=sys.stderr); sys.exit(7)"))
    said = capsys.readouterr().err.splitlines()
    assert end.value.code == 7 and {"first", "why"} < set(said) and said[-1].startswith("step 3 failed: ")


def test_a_python_that_will_not_do_is_told_which_does(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    with pytest.raises(SystemExit, match=r"this is Python 3\.14; 3\.11 to 3\.13 will do: make up PYTHON=python3\.12"):
        up.main()
