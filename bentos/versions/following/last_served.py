"""What a service served last: the record from which its next worker, or the service itself, starts again.

It may name more than the registry does: an alias that points to a broken version stays on the one before it. A new
worker starts with these versions, so that all workers of a service answer alike. When the registry cannot be read at
all, they are what is served.
"""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from bentos.settings import Settings
from bentos.versions.catalogue import Catalogue, Entry
from bentos.versions.following.follower_state import FollowerState
from bentos.versions.loaded import ServedVersions

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LastServed:
    """The record, a file beside the copies that it names."""

    file: Path

    @classmethod
    def of(cls, settings: Settings) -> "LastServed":
        """The record of this service: one file for each combination of registry, model and SERVED_VERSIONS."""
        followed = (settings.model_name, settings.mlflow_tracking_uri, settings.served_versions)
        name = hashlib.sha256("\n".join(followed).encode()).hexdigest()[:16]
        return cls(settings.versions_path / f"served-{name}.json")

    @property
    def folder(self) -> Path:
        """The copies' folder, to which the folders of a catalogue are relative."""
        return self.file.parent

    def read(self) -> FollowerState:
        """The versions served last, and when the registry was read; an empty one where there is no record."""
        try:
            return FollowerState.read(self.folder, self.file.name)
        except FileNotFoundError:
            return FollowerState()
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("the record %s of the versions served last cannot be read: %r", self.file, error)
            return FollowerState()

    def write(self, served: ServedVersions, state: FollowerState) -> None:
        """Replace the record by the versions served now: those of the state, and those held though it lacks them."""
        listed = (*_entries(self.read()), *_entries(state))
        folders = {entry.version.key: entry.folder for entry in listed if entry.folder}
        entries = (
            Entry(loaded.version, folders[loaded.key], loaded.source_problem)
            for loaded in served.versions
            if loaded.key in folders
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            FollowerState(Catalogue(tuple(entries), served.routing), state.read_at).write(self.folder, self.file.name)
        except OSError as error:
            logger.warning("the versions served now cannot be recorded in %s: %s", self.file, error.strerror)


def _entries(state: FollowerState) -> tuple[Entry, ...]:
    return state.catalogue.entries if state.catalogue else ()
