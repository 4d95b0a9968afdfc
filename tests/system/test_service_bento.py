"""`python -m bentos build`, and the bento served where there is neither the repository nor a training library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT, Server

ABSENT = ("mlflow", "dvc", "tensorflow", "keras", "pandas", "sklearn", "great_expectations")
BARRED = f"""
import sys
class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ImportError(name + " is absent")
sys.meta_path.insert(0, Barred())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("bento")


def build(home: Path, uri: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"BENTOML_HOME": str(home / "bentoml"), "MLFLOW_TRACKING_URI": uri}
    command = [sys.executable, "-m", "bentos", "build"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tag(home, registry) -> str:
    built = build(home, registry)
    assert built.returncode == 0, built.stderr
    return next(line.split()[1] for line in built.stdout.splitlines() if line.startswith("built "))


@pytest.fixture(scope="module")
def packed(home, tag) -> list[Path]:
    """The files of the bento's `src` before it is first served: Python then writes its bytecode beside the code."""
    (source,) = (home / "bentoml" / "bentos" / "sms-spam").glob(f"{tag.partition(':')[2]}/src")
    return [path.relative_to(source) for path in source.rglob("*") if path.is_file()]


def test_the_bento_has_code_and_versions_and_nothing_else(packed):
    """Built in the repository, where settings, databases, feedback and the corpus lie beside the code."""
    assert {file.parts[0] for file in packed} == {"bentos", "registry", "baked", "serve.txt", "bentofile.yaml"}
    assert {file.suffix for file in packed if file.parts[0] in ("bentos", "registry")} <= {
        *(
            ".py",
            ".html",
            ".css",
            ".js",
            ".svg",
            ".json",
            ".conf",
            ".yaml",
            ".yml",
            ".service",
            ".timer",
            ".typed",
            "",
        )  # "": the Dockerfile
    }
    assert {file.parts[1] for file in packed if file.parts[0] == "baked"} == {"1", "2", "versions.json"}


def test_the_bento_serves_its_versions_from_another_folder(home, tag, packed):
    elsewhere = home / "elsewhere"
    (elsewhere / "barred").mkdir(parents=True)
    (elsewhere / "barred" / "sitecustomize.py").write_text(BARRED)
    (elsewhere / ".env").write_text("API_NAME=elsewhere\n")
    settings = {"PYTHONPATH": str(elsewhere / "barred"), "SQLITE_PATH": ""}
    with Server(home, tag, cwd=elsewhere, **settings) as server, server.client() as client:
        assert client.get("/").json() | {"api_name": "elsewhere", "versions": ["2", "1"]} == client.get("/").json()
        answers = client.post("/compare", json={"text": "free prize"}).json()
        assert [row["model_version"] for row in answers["results"]] == ["2", "1"]
        assert "mock" not in answers["results"][0]
        name, version = tag.split(":")
        assert f'service_name="{name}",service_version="{version}"' in client.get("/metrics").text
    assert (elsewhere / "spam.db").exists(), "relative paths are the caller's, not the bento's"


def test_its_image_installs_the_serving_lock_and_nothing_else(home, tag):
    (bento,) = (home / "bentoml" / "bentos" / "sms-spam").glob(tag.partition(":")[2])
    assert (bento / "env/python/requirements.txt").read_text() == (ROOT / "requirements/serve.txt").read_text()
    installs = [line for line in (bento / "env/docker/Dockerfile").read_text().splitlines() if "pip install" in line]
    assert [line for line in installs if "pip install uv" not in line] == [
        line for line in installs if line.endswith("pip install -r $BENTO_PATH/env/python/requirements.txt")
    ]
    assert "ENV BENTOML_CONTAINERIZED=" in (bento / "env/docker/Dockerfile").read_text()
    for name in ABSENT:
        assert f"\n{name}==" not in (ROOT / "requirements/serve.txt").read_text()


def test_without_a_promoted_version_there_is_nothing_to_build(home):
    built = build(home, f"sqlite:///{home / 'none.db'}")
    assert built.returncode == 1
    assert "make up" in built.stderr and "Traceback" not in built.stderr


def test_migrate_makes_the_tables_of_the_embedded_store(tmp_path):
    environment = os.environ | {"SQLITE_PATH": str(tmp_path / "new.db")}
    command = [sys.executable, "-m", "bentos", "migrate"]
    for _ in range(2):
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert (tmp_path / "new.db").exists()


def test_bentomls_own_build_is_refused_and_says_what_to_type(home):
    (home / "bentoml").mkdir(exist_ok=True)
    before = sorted((home / "bentoml").rglob("bento.yaml"))
    environment = os.environ | {"BENTOML_HOME": str(home / "bentoml")}
    command = [Path(sys.executable).with_name("bentoml"), "build"]
    refused = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1 and "type `python -m bentos build`" in refused.stderr
    assert sorted((home / "bentoml").rglob("bento.yaml")) == before
