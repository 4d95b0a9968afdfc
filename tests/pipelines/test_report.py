"""The champion beside the variants, from a real registry of toys."""

import json

import pandas as pd
import pytest

from pipelines import report
from pipelines.measure.report import Evaluated
from registry.model.evaluation import EvaluationDetails
from registry.versions import Registry
from tests.toyregistry import MODEL_NAME, add_version, empty_registry


@pytest.fixture
def registry(tmp_path):
    return Registry(MODEL_NAME, empty_registry(tmp_path))


def column(name, best=None, **metrics):
    """A variant with the champion's digest, or another."""
    metadata = {"labels": ["ham", "spam"], "digest": best.metadata["digest"] if best else "another"}
    empty = pd.DataFrame()
    return Evaluated(name, metadata, metrics, EvaluationDetails(), empty, empty)


def test_without_a_champion_there_are_the_variants_alone(registry):
    assert report.champion(registry) is None
    variants = [column("linear")]
    assert report.with_champion(variants, None) == variants


def test_the_champion_is_marked_where_it_is_a_variant_and_else_beside_them(registry, tmp_path):
    add_version(tmp_path, registry.tracking_uri, -1.0, alias="champion")
    best = report.champion(registry)
    assert best.name == "champion, version 1" and len(best.predictions) == 400
    same, measured_anew = column("linear", best, **best.metrics), column("lstm", best, mcc=0.1)
    names = [one.name for one in report.with_champion([measured_anew, same], best)]
    assert names == ["lstm", "linear (champion, version 1)"]
    assert [one.name for one in report.with_champion([measured_anew], best)] == ["lstm", "champion, version 1"]


def test_a_champion_of_another_corpus_is_left_out(registry, tmp_path):
    add_version(tmp_path, registry.tracking_uri, -1.0, alias="champion", labels=("normal", "urgent"))
    variants = [column("linear")]
    assert report.with_champion(variants, report.champion(registry)) == variants


def test_a_champion_without_an_evaluation_is_an_error_that_names_it(registry, tmp_path):
    add_version(tmp_path, registry.tracking_uri, -1.0, alias="champion")
    (registry.folder(registry.resolve("1")) / "evaluation" / "details.json").write_text(json.dumps([]))
    with pytest.raises(report.RegistryError, match="version 1 carries no evaluation"):
        report.champion(registry)
