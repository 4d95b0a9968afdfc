"""The errors of a registry, and the one sentence that each is told in."""

from collections.abc import Iterator
from contextlib import contextmanager

from registry.settings import without_passwords


class RegistryError(Exception):
    """The registry or what it holds cannot be used; the message says which and why."""


class UnknownVersion(RegistryError):
    """No version has this number or alias; the message lists those that exist."""


def registry_error(uri: str, reason: object) -> RegistryError:
    """One sentence without passwords; it names the setting that has `uri`, which is most often what is wrong."""
    line = str(reason).partition("\n")[0]  # what follows is SQL
    return RegistryError(without_passwords(f"the registry at {uri} (MLFLOW_TRACKING_URI): {line}"))


@contextmanager
def as_registry_errors(uri: str) -> Iterator[None]:
    """Raise RegistryError for the errors of MLflow, in use at `uri`, and of what is below it."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError, ImportError) as error:  # the last: no driver for the URI
        raise registry_error(uri, error) from error
