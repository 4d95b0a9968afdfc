"""What a team's machines run: MLflow's server on PostgreSQL, with its artifacts behind the API of S3.

The S3 server is versitygw, which keeps its buckets in a folder; `go install` builds it (.ci/run has the command).
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx

from tests.server import free_port
from tests.system.tools import wait_until

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/usr/local/bin"))
S3_SERVER = shutil.which("versitygw") or shutil.which("versitygw", path=Path.home() / "go" / "bin")
NEEDED = {"PostgreSQL": (POSTGRES / "initdb").exists(), "versitygw": S3_SERVER}
MISSING = [name for name, there in NEEDED.items() if not there]


@contextmanager
def postgres() -> Iterator[str]:
    """The URI of an empty database; the server ends with the block."""
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    unprivileged = []
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        shutil.chown(folder, "postgres")
        unprivileged = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    initdb = [POSTGRES / "initdb", "-D", data, "-U", "mlflow", "-A", "trust", "--no-sync"]
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    subprocess.run([*unprivileged, *initdb], check=True, capture_output=True, cwd="/")
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([*unprivileged, POSTGRES / "postgres", "-D", data, *options], stderr=log, cwd="/")
    try:
        ready = [POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        wait_until(lambda: subprocess.run(ready).returncode == 0 or server.poll() is not None)
        create = [POSTGRES / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow"]
        subprocess.run(create, check=True)
        yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/mlflow"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once; nobody needs its files any more
        server.wait()
        shutil.rmtree(folder)


@contextmanager
def s3(folder: Path, *buckets: str) -> Iterator[dict[str, str]]:
    """The settings of a server with these buckets, as environment variables that every client of S3 knows."""
    kept, port = folder / "buckets", free_port()
    for bucket in buckets:  # to it, a folder is a bucket
        (kept / bucket).mkdir(parents=True)
    keys = {"AWS_ACCESS_KEY_ID": "team", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(16)}
    root = {"ROOT_ACCESS_KEY": keys["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": keys["AWS_SECRET_ACCESS_KEY"]}
    url = f"http://127.0.0.1:{port}"
    with open(folder / "s3.log", "wb") as log:
        command = [S3_SERVER, "--port", f"127.0.0.1:{port}", "posix", "--sidecar", folder / "metadata", kept]
        (folder / "metadata").mkdir()
        server = subprocess.Popen(command, env=os.environ | root, stdout=log, stderr=log)
    settings = {**keys, "AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        wait_until(lambda: _answers(url) or server.poll() is not None)
        yield settings
    finally:
        server.terminate()
        server.wait()


class TrackingServer:
    """MLflow's server while a `with` lasts; it can be killed and started again on the same port."""

    def __init__(self, folder: Path, database: str, artifacts: str, settings: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        places = ["--backend-store-uri", database, "--artifacts-destination", artifacts]
        self.command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(self.port), *places]
        self.settings = os.environ | settings | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        with open(self.folder / "mlflow.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=self.settings, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: _answers(f"{self.uri}/health") or self.process.poll() is not None)

    def kill(self) -> None:
        if self.process.poll() is None:  # a test that failed may have killed it
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code < 500
    except httpx.TransportError:
        return False
