"""The calls in the documentation, run with curl against a service of toy versions; the figures there are other ones."""

import json
import shutil
import subprocess

import pytest

from tests.docs.blocks import commands
from tests.server import Server
from tests.toyregistry import make_registry

DOCUMENTED = "http://127.0.0.1:3000"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_every_call_is_answered_as_the_pages_say(tmp_path):
    calls = [command for command in commands() if command.words[0] == "curl" and command.page != "clients.md"]
    assert len(calls) >= 4
    with Server(tmp_path, MLFLOW_TRACKING_URI=make_registry(tmp_path)) as server:
        for call in calls:
            words = [word.replace(DOCUMENTED, server.url) for word in call.words]
            assert server.url in " ".join(words), call.line
            done = subprocess.run([*words, "--silent"], capture_output=True, text=True, check=True)
            answer = json.loads(done.stdout)
            assert ("error" in answer) == ("versions/7" in call.line), (call.line, answer)
