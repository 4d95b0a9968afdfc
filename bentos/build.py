"""A bento with the promoted versions baked in: it serves anywhere, with neither MLflow nor the repository.

| in the bento | what |
| --- | --- |
| src/bentos, src/registry | the code |
| src/baked | versions.json, the catalogue, and a folder a version |
| env/python/requirements.txt | the serving lock, all that the container image installs |
"""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import bentoml
from bentoml.exceptions import BentoMLException

from bentos.service import BAKED
from bentos.settings import Settings
from bentos.versions.catalogue import INDEX, Catalogue, CatalogueError, Entry, Source, dumps
from registry.model.artifact import Artifact, ArtifactError

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "serve.txt"
CODE = ("bentos", "registry")


class BuildError(Exception):
    """There is nothing that could be built, or something in it is broken."""


def build(settings: Settings) -> tuple[bentoml.Bento, list[Entry]]:
    """Build into BentoML's store; return the bento and what it serves. Raises BuildError."""
    try:
        source = Source(settings.model_name, settings.mlflow_tracking_uri, settings.served_versions)
        entries = list(source.catalogue().entries)
        with tempfile.TemporaryDirectory() as scratch:
            _stage(Path(scratch), entries)
            bento = _build(Path(scratch), settings.model_name, entries)
    except (CatalogueError, ArtifactError, BentoMLException) as error:
        raise BuildError(str(error)) from error
    shutil.copy(LOCK, Path(bento.path) / "env" / "python" / "requirements.txt")  # BentoML adds itself, without a hash
    return bento, entries


def _stage(scratch: Path, entries: list[Entry]) -> None:
    """Lay out `src`. A broken artifact is found here, not where the bento is served."""
    shutil.copy(LOCK, scratch)
    for name in CODE:
        shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    for entry in entries:
        if entry.folder is None:
            raise BuildError(f"version {entry.number}: {entry.why}")
        Artifact.load(Path(entry.folder))
        shutil.copytree(entry.folder, scratch / BAKED.name / entry.number)
    located = [replace(entry, folder=entry.number) for entry in entries]
    (scratch / BAKED.name / INDEX).write_text(dumps(Catalogue(tuple(located))))  # without routing: nobody could end it


def _build(scratch: Path, name: str, entries: list[Entry]) -> bentoml.Bento:
    return bentoml.build(
        "bentos.service:SpamService",
        name=name,
        build_ctx=str(scratch),
        labels={alias: entry.number for entry in entries for alias in entry.aliases},
        description="\n".join(
            f"- version {e.number} ({', '.join(e.aliases)}): {e.variant} {e.digest}" for e in entries
        ),
        python={"requirements_txt": LOCK.name, "lock_packages": False},
        docker={"python_version": f"{sys.version_info.major}.{sys.version_info.minor}"},
    )
