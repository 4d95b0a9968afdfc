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
from pathlib import Path

import bentoml
from bentoml.exceptions import BentoMLException

from bentos.service import BAKED
from bentos.settings import Settings
from bentos.versions.catalogue import BAKED_CATALOGUE, Catalogue, Entry, dumps
from bentos.versions.registry_reader import CatalogueError, RegistryReader
from registry.model.artifact import Artifact, ArtifactError

ROOT = Path(__file__).parents[1]
IN_WHEEL = Path(__file__).with_name("serve.txt")
LOCK = IN_WHEEL if IN_WHEEL.exists() else ROOT / "requirements" / "serve.txt"
CODE = ("bentos", "registry")


class BuildError(Exception):
    """Nothing can be built; the message says why."""


def build(settings: Settings) -> tuple[bentoml.Bento, list[Entry]]:
    """Build into BentoML's store; return the bento and what it serves. Raises BuildError."""
    try:
        followed = (settings.model_name, settings.mlflow_tracking_uri, settings.served_versions)
        catalogue = RegistryReader(*followed, admitted_only=settings.require_verdict).catalogue()
        if catalogue.champion_problem:
            raise BuildError(catalogue.champion_problem)
        entries = list(catalogue.entries)
        with tempfile.TemporaryDirectory() as scratch:
            _stage(Path(scratch), entries)
            bento = _build(Path(scratch), settings.model_name, entries)
    except (CatalogueError, ArtifactError, BentoMLException) as error:
        raise BuildError(str(error)) from error
    shutil.copy(LOCK, Path(bento.path) / "env" / "python" / "requirements.txt")  # BentoML adds itself, without a hash
    return bento, entries


def _stage(scratch: Path, entries: list[Entry]) -> None:
    """Lay out the bento's `src`, and load each artifact once, so that a damaged one ends the build."""
    shutil.copy(LOCK, scratch)
    for name in CODE:
        shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
    for entry in entries:
        number = entry.version.number
        if entry.folder is None:
            raise BuildError(f"version {number}: {entry.version.problem}")
        Artifact.load(Path(entry.folder))
        shutil.copytree(entry.folder, scratch / BAKED.name / number)
    baked = tuple(Entry(entry.version, folder=entry.version.number) for entry in entries)
    (scratch / BAKED.name / BAKED_CATALOGUE).write_text(dumps(Catalogue(baked)))  # no routing: it could not be changed


def _build(scratch: Path, name: str, entries: list[Entry]) -> bentoml.Bento:
    versions = [entry.version for entry in entries]
    return bentoml.build(
        "bentos.service:SpamService",
        name=name,
        build_ctx=str(scratch),
        labels={alias: version.number for version in versions for alias in version.aliases},
        description="\n".join(
            f"- version {v.number} ({', '.join(v.aliases)}): {v.variant} {v.digest}" for v in versions
        ),
        python={"requirements_txt": LOCK.name, "lock_packages": False},
        docker={"python_version": f"{sys.version_info.major}.{sys.version_info.minor}"},
    )
