"""Copies of the served versions in a folder of the service (VERSIONS_PATH), to start from without the registry.

| in the folder | what |
| --- | --- |
| DIGEST/ | the files of a version that its predictions depend on; its report and its evaluation, where it has them |
| served-NAME.json | what a service served last (`bentos.versions.following.last_served`) |

Services that share the folder share the copies: the same digest is the same content.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from bentos.versions import references, reports
from registry.model.artifact import FILES, ArtifactError, damage
from registry.versions import Version

KEPT = 4  # copies of versions that are no longer served: a rollback may need them without the registry
KEPT_RECORDS = 8  # files served-NAME.json
NEW = "new-"  # the name of a copy begins with it while it is being written
ABANDONED = 3600.0  # seconds after which such a copy is not being written any more


class Copies:
    """The copies in `folder`, which is made with the first one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def damage(self, digest: str) -> str:
        """Why there is no whole copy of this version; empty when there is one."""
        return damage(self.folder / digest, digest)

    def is_complete(self, version: Version) -> bool:
        """Whether there is a whole copy, with what was measured of this version."""
        details = self.folder / version.digest / references.name_in_copy(version)
        return details.exists() and not self.damage(version.digest)

    def keep(self, source: Path, digest: str) -> None:
        """Copy the version in `source` unless there is a whole copy. Raises ArtifactError when that fails.

        The copy appears as a whole, after its digest was checked and its files are on the disk.
        """
        if not self.damage(digest):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=NEW, dir=self.folder))
            try:
                for name in FILES:
                    _copy(source / name, new / name)
                if problem := damage(new, digest):
                    raise ArtifactError(problem)
                self._replace(new, digest)
            finally:
                shutil.rmtree(new, ignore_errors=True)
        except OSError as error:
            raise ArtifactError(f"{self.folder}: cannot keep a copy: {error.strerror}") from error

    def keep_report(self, source: Path, version: Version) -> None:
        """Copy the report of the version in `source`, where it has one, beside the copy of its files.

        Raises ArtifactError when that fails.
        """
        self._keep_beside(reports.report_of(source, version), version, reports.name_in_copy(version))

    def keep_details(self, source: Path, version: Version) -> None:
        """Copy what was measured of the version in `source` in the same way. Raises ArtifactError when that fails."""
        self._keep_beside(references.details_of(source, version), version, references.name_in_copy(version))

    def _keep_beside(self, file: Path | None, version: Version, name: str) -> None:
        copy = self.folder / version.digest / name
        if file is None or copy.exists():
            return
        try:
            handle, new = tempfile.mkstemp(prefix=NEW, dir=copy.parent)
            os.close(handle)
            try:
                _copy(file, Path(new))
                os.replace(new, copy)
            finally:
                Path(new).unlink(missing_ok=True)
        except OSError as error:
            raise ArtifactError(f"{copy}: cannot keep a copy: {error.strerror}") from error

    def _replace(self, new: Path, digest: str) -> None:
        shutil.rmtree(self.folder / digest, ignore_errors=True)  # a damaged one
        try:
            new.rename(self.folder / digest)
        except OSError:
            if self.damage(digest):  # no other service was faster
                raise

    def delete_unused(self, served: Collection[str]) -> None:
        """Delete all copies but those in `served`, those that a record names, and the KEPT others used last."""
        records = sorted(self.folder.glob("served-*.json"), key=_modified, reverse=True)
        for record in records[KEPT_RECORDS:]:
            record.unlink(missing_ok=True)
        named = "".join(_text(record) for record in records[:KEPT_RECORDS])
        unused = []
        for copy in filter(Path.is_dir, self.folder.glob("*")):
            if copy.name in served or copy.name in named:
                with suppress(FileNotFoundError):  # another service was faster
                    os.utime(copy)  # so that its age is the time since it was used
            elif not copy.name.startswith(NEW):
                unused.append(copy)
            elif time.time() - _modified(copy) > ABANDONED:
                shutil.rmtree(copy, ignore_errors=True)
        for copy in sorted(unused, key=_modified, reverse=True)[KEPT:]:
            shutil.rmtree(copy, ignore_errors=True)


def known_labels(folder: Path) -> set[str]:
    """The labels of all versions that have a copy in the folder; none where it cannot be told."""
    labels: set[str] = set()
    for metadata in folder.glob("*/metadata.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            labels.update(json.loads(metadata.read_bytes())["labels"])
    return labels


def _copy(source: Path, target: Path) -> None:
    """Copy a file, and wait until it is on the disk."""
    with source.open("rb") as reading, target.open("wb") as writing:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fsync(writing.fileno())


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another service was faster
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
