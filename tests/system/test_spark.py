"""A version as a function of Apache Spark, by MLflow alone."""

import shutil

import mlflow
import pytest
from pyspark.sql import SparkSession

from tests.toyregistry import MODEL_NAME

pytestmark = pytest.mark.skipif(not shutil.which("java"), reason="Spark needs Java")

TEXTS = ["win a free prize", "lunch at home"]


def test_it_answers_a_column_for_each_part_of_the_answer(registry):
    mlflow.set_tracking_uri(registry)
    mlflow.set_registry_uri(registry)
    with SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate() as spark:
        classify = mlflow.pyfunc.spark_udf(spark, f"models:/{MODEL_NAME}@champion", env_manager="local")
        messages = spark.createDataFrame([(text,) for text in TEXTS], ["text"])
        rows = messages.select(classify("text").alias("answer")).select("answer.*").collect()
    assert [list(row.asDict()) for row in rows] == [["label", "verdict", "ham", "spam"]] * 2
    assert [row.label for row in rows] == ["spam", "ham"]
