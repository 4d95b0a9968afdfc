"""The last step of `make up`: the service, where it answers, and what to do next."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.server import PATIENCE, ROOT, free_port

BODY = f"""
from pathlib import Path
from pipelines import up
up.BIN = Path({str(Path(sys.executable).parent)!r})
up.serve(5)
"""


def test_it_ends_with_the_url_of_the_service_and_ctrl_c_ends_both(tmp_path):
    port = str(free_port())
    own = {"PORT": port, "MOCK_MODEL": "1", "SQLITE_PATH": str(tmp_path / "spam.db"), "TMPDIR": str(tmp_path)}
    with open(tmp_path / "log", "wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-c", BODY],
            cwd=ROOT,
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    said = []
    while not (said and said[-1].startswith("or open ")):
        said.append(next(started.stdout))
    assert f"The service answers on http://127.0.0.1:{port} and Ctrl-C ends it.\n" in said
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does
    assert started.wait(PATIENCE) == 130
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said, said
