import pytest

from tests.toyregistry import make_registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory) -> str:
    """The URI of a registry with a champion, version 1, and a challenger, version 2."""
    return make_registry(tmp_path_factory.mktemp("registry"))
