"""Reading a registered model without MLflow, whose import takes two seconds and 170 MB.

| module | what it reads |
| --- | --- |
| `sql` | MLflow's tables: SQLite, and the other databases that MLflow knows |
| `rest` | a tracking server, by MLflow's public REST API |
| `local_files` | where the files of a version are, if they are on this machine |
| `mlflow_process` | everything else, by MLflow itself, in a process that ends when it has answered |

`registry.quick` chooses among them. Tests hold what they read against what MLflow reads.
"""

from typing import Protocol

from registry.versions import RegisteredModel


class NeedsMLflow(Exception):
    """This cannot be read without MLflow: the store or its schema is not one that is known here."""


class Source(Protocol):
    """A registry. Its methods raise RegistryError where it cannot be reached, and NeedsMLflow."""

    def model(self, name: str) -> RegisteredModel | None:
        """None where the model was never registered."""

    def tags(self, name: str) -> dict[str, str] | None:
        """The model's own tags alone; None where it was never registered."""

    def location(self, name: str, number: str) -> str:
        """The URI of a version's files."""
