"""Apache Spark: a version as its function, by MLflow alone, and `python -m pipelines.score`."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from bentos.store import Call, timeuuid
from bentos.store.sqlite.store import SQLiteStore
from tests.server import PATIENCE, ROOT, Server
from tests.toyregistry import MODEL_NAME

pytestmark = pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java")

TEXTS = ["win a free prize", "lunch at home"]
ROWS = 18_000  # three pieces


def score(folder: Path, registry: str, *words: object) -> subprocess.Popen[str]:
    """`python -m pipelines.score WORDS` in the folder."""
    settings = {"MLFLOW_TRACKING_URI": registry, "SQLITE_PATH": str(folder / "spam.db"), "PYTHONPATH": str(ROOT)}
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME") if name in os.environ}
    command = [sys.executable, "-m", "pipelines.score", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment | settings, stdout=pipe, stderr=pipe, text=True)


def finish(run: subprocess.Popen[str]) -> str:
    """What a run that succeeds says."""
    said, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    return said


def test_it_answers_a_column_for_each_part_of_the_answer(registry):
    mlflow.set_tracking_uri(registry)
    mlflow.set_registry_uri(registry)
    with SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate() as spark:
        classify = mlflow.pyfunc.spark_udf(spark, f"models:/{MODEL_NAME}@champion", env_manager="local")
        messages = spark.createDataFrame([(text,) for text in TEXTS], ["text"])
        rows = messages.select(classify("text").alias("answer")).select("answer.*").collect()
    assert [list(row.asDict()) for row in rows] == [["label", "verdict", "ham", "spam"]] * 2
    assert [row.label for row in rows] == ["spam", "ham"]


def test_a_run_that_is_killed_is_continued_with_no_row_missing_or_twice(tmp_path, registry):
    file, output = tmp_path / "messages.csv", tmp_path / "out"
    with file.open("wb") as content:
        content.write(b"id,text\n")
        for i in range(ROWS):
            text = b"caf\xe9" if i % 1_000 == 7 else b'"%b,\n%b"' % (TEXTS[i % 2].encode(), b"and more " * 14)
            content.write(b"%d,%b\n" % (i, text))
    words = (file, output, "--key", "id", "--model", f"models:/{MODEL_NAME}@champion")
    killed = score(tmp_path, registry, *words, "--master", "local[1]")
    while not list(output.glob("part-*")):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    before = {part: part.stat().st_mtime_ns for part in output.glob("part-*")}
    said = finish(score(tmp_path, registry, *words))
    after = {part: part.stat().st_mtime_ns for part in output.glob("part-*")}
    assert before.items() < after.items()
    assert "goes on" in said and "18: it is not UTF-8" in said
    rows = pd.read_parquet(output)
    expected = [i for i in range(ROWS) if i % 1_000 != 7]
    assert list(rows["key"].astype(int)) == expected
    assert list(rows["label"]) == [("spam", "ham")[i % 2] for i in expected]
    aside = [json.loads(line) for part in sorted(output.glob("_rejected/*")) for line in part.read_text().splitlines()]
    assert [row["content"][0] for row in aside] == [str(i) for i in range(ROWS) if i % 1_000 == 7]
    labels = json.loads((output / "_summary.json").read_text())["labels"]
    assert labels == Counter(rows["label"])


def test_the_call_log_warms_the_cache_of_a_version(tmp_path, registry):
    asyncio.run(log(tmp_path / "spam.db", [*TEXTS, "prize \u2028 'home' \U0001f381", *TEXTS]))
    said = finish(score(tmp_path, registry, "calls", "cache", "--model", "challenger"))
    assert "5 rows" in said and not list((tmp_path / "build/scored").iterdir())
    with Server(tmp_path, MLFLOW_TRACKING_URI=registry, SERVED_VERSIONS="all") as server, server.client() as calling:
        for text in TEXTS:
            call = {"text": text, "model_version": "challenger"}
            warm = calling.post("/prediction", json=call).json()
            cold = calling.post("/prediction", json=call | {"skip_cache": True}).json()
            assert warm.pop("from_cache") and not cold.pop("from_cache")
            assert warm.pop("id") != cold.pop("id") and warm == cold


async def log(path: Path, texts: list[str]) -> None:
    """Write calls into a service's log."""
    store = await SQLiteStore.open(path)
    await store.log([Call("ann", timeuuid.now(), text, "1-abcdef01", "ham", False) for text in texts])
    await store.close()
