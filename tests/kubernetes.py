"""The shipped manifests as the tests read them, and kustomize, alone or within kubectl, which builds them."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server import ROOT

Manifest = dict[str, Any]

KUBERNETES = ROOT / "bentos" / "deploy" / "kubernetes"
OVERLAYS = ("one-node", "ring")
KUSTOMIZATION = "kustomization.yaml"
BUILDERS = (("kustomize", "build"), ("kubectl", "kustomize"))  # the first one that is installed


def read(path: str) -> Any:
    """The content of a file, relative to KUBERNETES."""
    return yaml.safe_load((KUBERNETES / path).read_text())


def manifests() -> dict[str, Manifest]:
    """Each file that is a whole manifest, by its path relative to KUBERNETES."""
    paths = (path.relative_to(KUBERNETES).as_posix() for path in sorted(KUBERNETES.rglob("*.yaml")))
    contents = {path: read(path) for path in paths if not path.endswith(KUSTOMIZATION)}
    return {path: content for path, content in contents.items() if isinstance(content, dict)}  # a patch is a list


def literals(folder: str) -> dict[str, str]:
    """The settings in a folder's kustomization."""
    (generator,) = read(f"{folder}/{KUSTOMIZATION}")["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


def settings(overlay: str) -> dict[str, str]:
    """All variables that an overlay's container gets."""
    own = {variable["name"]: variable["value"] for variable in container()["env"]}
    return literals("base") | literals(overlay) | own


def pod() -> Manifest:
    """What the Deployment says of a pod of the service."""
    return read("base/deployment.yaml")["spec"]["template"]["spec"]


def container() -> Manifest:
    return pod()["containers"][0]


def pre_stop() -> float:
    """Seconds from the pod's end being asked for to SIGTERM."""
    return container()["lifecycle"]["preStop"]["sleep"]["seconds"]


@cache
def build(folder: str) -> tuple[Manifest, ...]:
    """What `kubectl apply -k` would send. Skips the test where there is neither kustomize nor kubectl."""
    path = f"{os.environ['PATH']}:{_go_folder()}"
    words = [(found, verb) for name, verb in BUILDERS if (found := shutil.which(name, path=path))]
    if not words:
        pytest.skip("NO TESTS OF OVERLAYS: neither kustomize nor kubectl is installed")
    done = subprocess.run([*words[0], KUBERNETES / folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def _go_folder() -> Path:
    """Where `go install` puts programs."""
    return Path(os.environ.get("GOBIN") or Path(os.environ.get("GOPATH") or Path.home() / "go") / "bin")
