"""A project in a folder of its own, to run the pipeline in as a person does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


class Project:
    """A new repository with the working tree's files and corpora in it.

    `settings` are environment variables of every command; of this environment's own, no setting of MLflow or DVC is
    handed on.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.settings = folder, settings
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
        for name in filter(None, tracked.stdout.split("\0")):
            if (ROOT / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / "data", folder / "data")
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "A small pipeline")

    def git(self, *words: str) -> None:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
        subprocess.run(command, cwd=self.folder, check=True)

    def change(self, **values) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        for name, value in values.items():
            *sections, key = name.split(".")
            inner = params
            for section in sections:
                inner = inner[section]
            inner[key] = value
        path.write_text(yaml.safe_dump(params, sort_keys=False))

    def clone(self, folder: Path) -> "Project":
        """A clone of what is committed: without the corpora, and with nothing built."""
        subprocess.run(["git", "clone", "-q", self.folder, folder], check=True)
        cloned = object.__new__(Project)
        cloned.folder, cloned.settings = folder, self.settings
        return cloned

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command of the environment in the project; its `stdout` has both streams."""
        bin = str(Path(sys.executable).parent)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "DVC_"))}
        return subprocess.Popen(
            [f"{bin}/{command[0]}", *command[1:]],
            cwd=self.folder,
            env=env | {"PATH": f"{bin}:{os.environ['PATH']}"} | self.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *command: str, expect: int = 0) -> str:
        """Run a command as `start` does; its output, both streams."""
        with self.start(*command) as process:
            output, _ = process.communicate()
        assert process.returncode == expect, output
        return output

    def versions(self) -> dict[str, str]:
        """The variant of each registered version."""
        listed = json.loads(self.run("python", "-m", "registry", "list", "--json"))
        return {version["version"]: version["variant"] for version in listed}
