import json

import pytest
from mlflow import MlflowClient

from registry.errors import RegistryError
from registry.events import history
from registry.promote import Refused, initialise, promote, read_test_result, rollback
from registry.versions import EVALUATION, Registry
from tests.registry.conftest import THRESHOLDS, aliases
from tests.toyregistry import MODEL_NAME, add_version


def test_the_best_version_is_the_first_champion_and_init_changes_nothing_again(registry):
    assert initialise(registry, THRESHOLDS) == {"champion": "2", "challenger": "1"}
    promote(registry, "1", THRESHOLDS, why="a drill")
    assert initialise(registry, THRESHOLDS) == {"champion": "1", "challenger": "2"}


def test_each_other_variant_is_served_under_its_own_name(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for bias, wrong, variant in ((-1.0, 0, "toy"), (-2.0, 2, "toy"), (-3.0, 8, "old"), (-4.0, 4, "old")):
        add_version(tmp_path, uri, bias, wrong=wrong, variant=variant)
    expected = {"champion": "1", "challenger": "2", "old": "4"}
    assert initialise(Registry(MODEL_NAME, uri), THRESHOLDS) == expected


def test_the_gate_judges_on_the_main_corpus_s_messages(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    registry = Registry(MODEL_NAME, uri)
    version = registry.resolve(add_version(tmp_path, uri, -1.0))
    folder = registry.folder(version) / EVALUATION
    rows = "b,ham,ham,sms\na,spam,ham,sms\nc,ham,spam,written\n"
    (folder / "predictions.csv").write_text("id,actual,predicted,source\n" + rows)
    details = {"corpora": [{"name": "sms", "role": "train"}, {"name": "written", "role": "train"}]}
    (folder / "details.json").write_text(json.dumps(details | {"inapplicable": {"behaviour": "why"}}))
    read = read_test_result(registry, version)
    assert (read.ids.tolist(), read.predicted.tolist()) == (["a", "b"], ["ham", "ham"])
    assert read.inapplicable == {"behaviour"}


def test_the_beaten_champion_becomes_the_challenger(registry):
    promote(registry, "1", THRESHOLDS)
    assert promote(registry, "2", THRESHOLDS).passed
    assert aliases(registry) == {"champion": "2", "challenger": "1"}
    assert promote(registry, "champion", THRESHOLDS) is None


def test_a_champion_of_the_stand_in_gives_way_to_versions_of_the_corpus(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for bias in (-1.0, -2.0):
        add_version(tmp_path, uri, bias, stand_in="a part of the corpus")
    registry = Registry(MODEL_NAME, uri)
    assert initialise(registry, THRESHOLDS) == {"champion": "1", "challenger": "2"}, "of two alike, the older"
    for bias, wrong in ((-3.0, 8), (-4.0, 4)):
        add_version(tmp_path, uri, bias, wrong=wrong)
    assert initialise(registry, THRESHOLDS) == {"champion": "4", "challenger": "3"}
    assert registry.resolve("4").verdict["champion"] is None, "their test sets differ"
    assert initialise(registry, THRESHOLDS) == {"champion": "4", "challenger": "3"}


def test_a_refused_promotion_changes_no_alias_and_keeps_its_verdict(registry):
    promote(registry, "2", THRESHOLDS)
    before = history(registry)
    with pytest.raises(Refused, match="mcc"):
        promote(registry, "3", THRESHOLDS)
    assert aliases(registry) == {"champion": "2"}
    assert history(registry) == before
    assert registry.resolve("3").verdict["passed"] is False


def test_a_champion_that_was_moved_past_the_gate_is_judged_against_the_one_before(registry):
    promote(registry, "1", THRESHOLDS)
    registry.point({"champion": "1"}, {"champion": "3"})
    assert not registry.resolve("champion").admitted
    with pytest.raises(Refused, match="mcc"):
        promote(registry, "3", THRESHOLDS)
    assert promote(registry, "3", THRESHOLDS, why="a drill").champion == "1"
    assert aliases(registry) == {"champion": "3", "challenger": "1"} and registry.resolve("3").admitted
    assert promote(registry, "3", THRESHOLDS) is None


def test_rollback_undoes_one_promotion_after_the_other(registry):
    promote(registry, "1", THRESHOLDS)
    promote(registry, "2", THRESHOLDS)
    promote(registry, "3", THRESHOLDS, why="a drill")
    assert rollback(registry) == {"champion": "2", "challenger": "1"}
    assert rollback(registry) == {"champion": "1"}
    with pytest.raises(RegistryError, match="no promotion to roll back"):
        rollback(registry)
    assert [event["what"] for event in history(registry)] == ["promote", "promote", "force", "rollback", "rollback"]


def test_rollback_leaves_other_aliases_alone(registry):
    promote(registry, "1", THRESHOLDS)
    promote(registry, "2", THRESHOLDS)
    MlflowClient(registry.tracking_uri, registry.tracking_uri).set_registered_model_alias(MODEL_NAME, "night", "3")
    assert rollback(registry) == {"champion": "1", "night": "3"}
