import shutil

import pytest

from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory) -> str:
    """The URI of a registry with a champion, version 1, and a challenger, version 2; no test changes it."""
    return make_registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture
def uri(tmp_path, registry) -> str:
    """The URI of a copy that the test may change. The artifacts of its two versions are those of `registry`."""
    shutil.copy(registry.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def models(uri) -> Registry:
    """The registry at `uri`."""
    return Registry(MODEL_NAME, uri)
