from pathlib import Path

import pytest

from tests.server import ROOT
from tests.toyregistry import add_version


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> str:
    """The URI of a registry whose champion is the shipped model: a toy reads worst-case texts in no time."""
    folder: Path = tmp_path_factory.mktemp("shipped")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    add_version(folder, uri, alias="champion", artifact=ROOT / "build" / "lstm" / "artifact")
    return uri
