"""MLflow in a process of its own: `python -m registry.reading.mlflow_process`, for who must not grow by its import.

It gets a question as a line of JSON, and answers with one; it ends with its standard input.

| question | answer |
| --- | --- |
| `{"uri", "name"}` | `{"model": {"versions", "tags"}}`, or null for it where the model was never registered |
| with `"version"` and `"into"` besides | `{"folder"}`: its files, downloaded into the folder `into` |
| any | `{"error"}`: why there is no answer, a sentence without passwords |
"""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stdout, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from registry.errors import RegistryError, registry_error
from registry.versions import RegisteredModel, Registry, Version

MODULE = "registry.reading.mlflow_process"
PATIENCE = 300.0  # seconds for an answer: a download may be slow
MLFLOW_DEFAULTS = {  # an operator's own values win
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # whoever asks will ask again
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class MLflowProcess:
    """Starts with the first question and waits for further ones until `end`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def model(self, uri: str, name: str) -> RegisteredModel | None:
        """As Registry has it. Raises RegistryError."""
        model = self._ask({"uri": uri, "name": name})["model"]
        return model and RegisteredModel([Version.from_dict(version) for version in model["versions"]], model["tags"])

    def folder(self, uri: str, name: str, version: Version, into: str) -> Path:
        """As Registry has it. Raises RegistryError."""
        return Path(self._ask({"uri": uri, "name": name, "version": version.as_dict(), "into": into})["folder"])

    def end(self) -> None:
        """End the process, also in the middle of a download. Another question starts another one."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.communicate()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._process = self._process or _start()
        overdue = threading.Timer(PATIENCE, process.kill)
        overdue.start()
        try:
            with suppress(BrokenPipeError):  # it has ended, and gives no answer
                process.stdin.write(json.dumps(question).encode() + b"\n")
                process.stdin.flush()
            line = process.stdout.readline()
        except BaseException:  # whoever is interrupted here has left an answer unread
            self.end()
            raise
        finally:
            overdue.cancel()
        if not line:
            self.end()
            raise registry_error(question["uri"], "MLflow gave no answer: the log says why, or it took too long")
        answer = json.loads(line)
        if "error" in answer:
            raise RegistryError(answer["error"])
        return answer


def _start() -> subprocess.Popen[bytes]:
    """The questions go by a pipe: a URI may have a password, and anybody can read a command line."""
    variables = {**MLFLOW_DEFAULTS, **os.environ}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", MODULE], env=variables, **pipes)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to all processes of a terminal or unit; who asks ends this one
    questions: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_take, args=(questions,), daemon=True).start()
    answers = sys.stdout
    with redirect_stdout(sys.stderr):  # MLflow's messages belong to the log
        while True:
            print(json.dumps(_answer(json.loads(questions.get()))), file=answers, flush=True)


def _take(questions: "SimpleQueue[bytes]") -> None:
    """Take what is asked, and end this process when nobody asks any more, also in the middle of a download.

    Not through `sys.stdin`: the lock that a read holds would break the interpreter's end.
    """
    with open(0, "rb", buffering=0, closefd=False) as stream:
        for line in stream:
            questions.put(line)
    os._exit(0)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    registry = Registry(question["name"], question["uri"])
    try:
        if "version" in question:
            return {"folder": str(registry.folder(Version.from_dict(question["version"]), question["into"]))}
        model = registry.model()
    except ImportError as error:  # there is no MLflow
        return {"error": str(registry_error(question["uri"], error))}
    except RegistryError as error:
        return {"error": str(error)}
    return {"model": model and {"versions": [version.as_dict() for version in model.versions], "tags": model.tags}}


if __name__ == "__main__":
    main()
