import shutil

import pytest

from registry.model.evaluation import EvaluationDetails
from registry.model.profile import profile_of
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, make_registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory) -> str:
    """The URI of a registry with a champion, version 1, and a challenger, version 2; no test changes it.

    Version 1 has the profile of its training set.
    """
    uri = make_registry(tmp_path_factory.mktemp("registry"))
    models = Registry(MODEL_NAME, uri)
    details = models.folder(models.resolve("1")) / "evaluation" / "details.json"
    EvaluationDetails(training=profile_of([("ham", "home"), ("spam", "free")])).write(details)
    return uri


@pytest.fixture
def uri(tmp_path, registry) -> str:
    """The URI of a copy that the test may change. The artifacts of its two versions are those of `registry`."""
    shutil.copy(registry.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def models(uri) -> Registry:
    """The registry at `uri`."""
    return Registry(MODEL_NAME, uri)
