"""A registry of three toys, and the command line in this process."""

import json
import shutil
from collections.abc import Callable
from typing import NamedTuple

import pytest

from registry.__main__ import main
from registry.gate import Thresholds
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, add_version

THRESHOLDS = Thresholds(
    floors={"mcc": 0.8}, ceilings={"blocked": 0.02}, margin=0.02, confidence=0.9, resamples=200, seed=1
)


class Printed(NamedTuple):
    status: int
    output: str
    error: str


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """A folder with a real MLflow store of three versions: 1 is fair, 2 the best, 3 poor. Nobody changes it."""
    folder = tmp_path_factory.mktemp("toys")
    for bias, wrong in ((-1.0, 8), (-2.0, 2), (-3.0, 30)):
        add_version(folder, f"sqlite:///{folder / 'mlflow.db'}", bias, wrong=wrong)
    return folder


@pytest.fixture
def registry(toys, tmp_path) -> Registry:
    """The registry of `toys` in a database of the test's own; the versions' files are shared."""
    shutil.copy(toys / "mlflow.db", tmp_path)
    return Registry(MODEL_NAME, f"sqlite:///{tmp_path / 'mlflow.db'}")


@pytest.fixture
def cli(registry, tmp_path, monkeypatch, capsys) -> Callable[..., Printed]:
    """`python -m registry WORDS` in the test's own folder, without a process of its own."""
    (tmp_path / "params.yaml").write_text(json.dumps({"gate": THRESHOLDS.model_dump()}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> Printed:
        capsys.readouterr()
        try:
            main(words)
        except SystemExit as end:  # Python prints a code that is a text, and exits with 1
            printed = capsys.readouterr()
            if isinstance(end.code, str):
                return Printed(1, printed.out, end.code)
            return Printed(end.code, printed.out, printed.err)
        return Printed(0, *capsys.readouterr())

    return run


def aliases(registry: Registry) -> dict[str, str]:
    return {alias: version.number for version in registry.versions() for alias in version.aliases}
