"""What is said of an error of Spark."""

import zipfile

import pytest

from pipelines.scoring.cluster import SparkError, check_spark, explained, sources
from pipelines.scoring.worker import PieceError

FAILED = """\
org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 0.0 failed 1 times
Traceback (most recent call last):
  File "worker.py", line 40, in score
pipelines.scoring.worker.PieceError: /data/out: No space left on device

\tat org.apache.spark.api.python.BasePythonRunner
"""
NO_MASTER = """\
An error occurred while calling x.
: org.apache.spark.SparkException: Could not parse Master URL: 'moon'
\tat x
"""


def test_the_sentence_of_a_worker_is_found_in_the_error_of_spark():
    error = explained(FAILED)
    assert isinstance(error, PieceError) and str(error) == "/data/out: No space left on device"


def test_another_error_is_its_cause():
    error = explained(NO_MASTER)
    assert isinstance(error, SparkError) and str(error).endswith("SparkException: Could not parse Master URL: 'moon'")


def test_without_java_it_is_said_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkError, match="JAVA_HOME"):
        check_spark()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkError, match="no `java` on the PATH"):
        check_spark()


def test_the_workers_get_what_they_import(tmp_path):
    names = zipfile.ZipFile(sources(tmp_path)).namelist()
    assert {"registry/model/artifact.py", "pipelines/scoring/worker.py", "registry/texts.py"} <= set(names)
