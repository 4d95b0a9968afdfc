"""dvc.yaml cannot lie: each stage depends on every module that it imports, however far down."""

import ast
import copy
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
WITHOUT_EFFECT = {  # modules that no output depends on
    "pipelines/__init__.py",  # settings of libraries
    "pipelines/tracking.py",  # where runs are logged
    "pipelines/stage.py",  # how a command ends
    "registry/__init__.py",  # the same
    "registry/command.py",  # the same
    "registry/errors.py",  # what it says where the registry is away
    "registry/settings.py",  # where the registry is
    "registry/notify.py",  # who is told
    "registry/file_lock.py",
    "registry/outbox.py",  # the same
    "registry/user.py",  # the same
}


def file_of(module: str) -> Path | None:
    """The project's file of a module or package; None for another project's."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists()), None)


def imported(file: Path) -> set[Path]:
    """The project's files that a file imports, also within its functions."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    packages = {".".join(name.split(".")[:depth]) for name in names for depth in range(1, name.count(".") + 2)}
    return {found for name in packages if (found := file_of(name))}


def reached(file: Path) -> set[str]:
    """The project's files that running a file can load, itself included, relative to the project."""
    seen, todo = set(), [file]
    while todo:
        if (file := todo.pop()) not in seen:
            seen.add(file)
            todo += imported(file)
    return {str(file.relative_to(ROOT)) for file in seen}


def missing(stage: dict) -> set[str]:
    """The files that a stage can load and does not depend on."""
    module = re.search(r"python -m ([\w.]+)", stage["cmd"])[1]
    dependencies = [Path(dependency) for dependency in stage["deps"]]
    files = reached(file_of(module)) - WITHOUT_EFFECT
    return {file for file in files if not any(Path(file).is_relative_to(dependency) for dependency in dependencies)}


def definition(name: str) -> dict:
    return STAGES[name].get("do", STAGES[name])


RUN_WHEN_CHANGED = [name for name in STAGES if not definition(name).get("always_changed")]


@pytest.mark.parametrize("name", RUN_WHEN_CHANGED)
def test_a_stage_depends_on_all_that_it_imports(name):
    assert missing(definition(name)) == set()


@pytest.mark.parametrize("name", RUN_WHEN_CHANGED)
def test_a_dependency_that_is_removed_is_missed(name):
    for dependency in definition(name)["deps"]:
        if dependency.startswith(("pipelines/", "registry/")) and not dependency.endswith((".csv", ".json")):
            stage = copy.deepcopy(definition(name))
            stage["deps"].remove(dependency)
            assert missing(stage), f"{name} does not use {dependency}"


def test_only_what_is_always_run_is_not_checked():
    assert set(STAGES) - set(RUN_WHEN_CHANGED) == {"register", "report"}


def test_every_variant_s_model_is_an_artifact_of_dvc():
    artifacts = yaml.safe_load((ROOT / "dvc.yaml").read_text())["artifacts"]
    variants = yaml.safe_load((ROOT / "params.yaml").read_text())["variants"]
    assert {name: artifact["path"] for name, artifact in artifacts.items()} == {
        name: f"build/{name}/artifact" for name in variants
    }
