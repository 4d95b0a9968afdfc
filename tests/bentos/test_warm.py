"""`python -m bentos warm`: predictions that were made elsewhere, put into the cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bentos.answering.predictor import UNFAMILIAR
from bentos.store.cassandra.schema import migrate
from bentos.store.sqlite.store import SQLiteStore
from tests.cassandra.client import PATIENT, opened, settings_for

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
KEY = "3-abcdef01"
ANSWER = {"ham": 0.25, "spam": 0.75}


def line(text: str, unfamiliar: bool = False) -> str:
    return json.dumps({"version": KEY, "text": text, "probabilities": ANSWER, "unfamiliar": unfamiliar}) + "\n"


def warm(folder: Path, rows: str, expect: int = 0, **settings: str) -> tuple[str, str]:
    """What it prints on standard output and standard error."""
    paths = {"SQLITE_PATH": str(folder / "spam.db"), "SPOOL_PATH": str(folder / "spool.db")}
    command = [sys.executable, "-m", "bentos", "warm"]
    environment = {**os.environ, **paths, **settings}
    done = subprocess.run(command, cwd=ROOT, env=environment, input=rows, capture_output=True, text=True)
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr


async def test_rows_are_stored_and_each_blank_line_is_answered_with_their_number(tmp_path):
    texts = [f"text {i} 🎁\u2028" for i in range(1_200)]
    rows = "".join(map(line, texts[:1_100])) + "\n\n" + "".join(map(line, texts[1_100:])) + line("odd", True) + "\n"
    assert warm(tmp_path, rows) == ("1100\n0\n101\n", "")
    store = await SQLiteStore.open(tmp_path / "spam.db")
    assert await store.get(KEY, texts) == dict.fromkeys(texts, ANSWER)
    assert await store.get(KEY, ["odd"]) == {"odd": ANSWER | {UNFAMILIAR: 0.0}}
    await store.close()


async def test_what_is_before_the_end_of_the_input_is_stored(tmp_path):
    assert warm(tmp_path, line("hi")) == ("", "")
    store = await SQLiteStore.open(tmp_path / "spam.db")
    assert await store.get(KEY, ["hi"]) == {"hi": ANSWER}
    await store.close()


async def test_rows_are_stored_in_cassandra(cassandra_node, keyspace, tmp_path):
    settings = settings_for(cassandra_node, keyspace, tmp_path, cache_timeout=PATIENT)
    migrate(settings)
    names = ("cassandra_contact_points", "cassandra_port", "cassandra_keyspace")
    variables = {name.upper(): str(getattr(settings, name)) for name in names}
    texts = [f"text {i}" for i in range(700)]
    assert warm(tmp_path, "".join(map(line, texts)) + "\n", **variables) == ("700\n", "")
    async with opened(settings) as store:
        assert await store.get(KEY, texts) == dict.fromkeys(texts, ANSWER)


@pytest.mark.parametrize("rows", ["no JSON\n", "[]\n", '{"version": "1-a", "text": "secret"}\n'])
async def test_a_line_that_is_no_prediction_is_one_sentence_without_its_text(tmp_path, rows):
    said, errors = warm(tmp_path, rows, expect=1)
    assert said == "" and errors.startswith("error: standard input") and len(errors.splitlines()) == 1
    assert "secret" not in errors


async def test_a_file_that_is_no_store_is_one_sentence(tmp_path):
    (tmp_path / "spam.db").write_text("not a database " * 100)
    said, errors = warm(tmp_path, line("hi") + "\n", expect=1)
    assert said == "" and errors.startswith("error: ") and len(errors.splitlines()) == 1
