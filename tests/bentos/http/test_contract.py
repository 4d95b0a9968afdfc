"""The documented contract and the application agree: schemathesis calls every operation with what the document allows
and with what it refuses, and checks every answer against it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from bentos.callers.keys import Keys, add_line, new_key
from bentos.http.app import create_app
from bentos.versions.loaded import ServedVersions

pytestmark = pytest.mark.anyio

CONFIG = Path(__file__).with_name("schemathesis.toml")
COMMAND = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", "--max-examples", "3"]


@pytest.fixture
def served(served) -> ServedVersions:
    """The toys without what records their runs: only artifacts explain."""
    return ServedVersions(tuple(replace(version, model=version.model.model) for version in served.versions))


@asynccontextmanager
async def serving(app) -> AsyncIterator[str]:
    """The application behind a real web server in this process; its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    (listener,) = server.servers[0].sockets
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task


async def check(app, folder: Path, *arguments: str, key: str = "") -> None:
    """Fail with what schemathesis reports where an answer is not as documented. Its files lie in `folder`."""
    async with serving(app) as url:
        process = await asyncio.create_subprocess_exec(
            *(*COMMAND, *arguments, f"{url}/openapi.json"),
            env=os.environ | {"API_KEY": key},
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
    if process.returncode or b"30 selected / 30 total" not in output:
        pytest.fail(output.decode(), pytrace=False)


async def test_the_document_and_the_answers_agree(app, tmp_path):
    await check(app, tmp_path)


async def test_they_agree_where_a_call_needs_a_key(service, tmp_path):
    key, line = new_key("web")
    add_line(tmp_path / "keys", line)
    app = create_app(replace(service, keys=Keys(tmp_path / "keys")))
    await check(app, tmp_path, "--phases", "examples,coverage", key=key)
