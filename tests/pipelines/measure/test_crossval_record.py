"""The kept cross-validation is valid for the parameters and the messages that it was measured with alone."""

import json
from pathlib import Path

import pytest

from pipelines import params
from pipelines.data import stand_in
from pipelines.measure import crossval_record

ROOT = Path(__file__).parents[3]
KEPT, PREPARED = ROOT / "pipelines/search/crossval.json", ROOT / "build/prepared"
CORPORA = ("sms", "written")


@pytest.fixture
def parameters():
    return params.variant("lstm", ROOT / "params.yaml").model_dump()


@pytest.fixture
def record(tmp_path, parameters):
    """The kept record, as if it had been measured with these parameters on the messages that are prepared here."""
    content = json.loads(KEPT.read_text())
    content["candidates"]["lstm"]["parameters"] = parameters
    content["messages_sha256"] = crossval_record.messages_sha256(crossval_record.messages(PREPARED, CORPORA))
    (tmp_path / "record.json").write_text(json.dumps(content))
    return tmp_path / "record.json"


def test_the_shipped_record_is_of_the_shipped_variant_and_has_what_the_readme_says(parameters):
    record = crossval_record.figures_of(KEPT, "lstm", parameters, PREPARED, CORPORA)
    if stand_in.mark_of_prepared(PREPARED):
        assert record == {}
        pytest.skip("the stand-in is in place: the record is of the whole corpus")
    assert record["repeats"] == 2 and set(record["candidates"]) == {"lstm", "baseline", "linear"}
    for name in ("lstm", "linear"):
        figures = record["candidates"][name]
        assert figures["mcc"] >= 0.947 and figures["average_precision"] >= 0.986 and figures["ece"] <= 0.005
        assert figures["ham_blocked"] <= 0.005
    assert record["candidates"]["lstm"]["against"]["linear"]["mcc"]["p"] > 0.05


def test_other_parameters_were_not_measured(parameters, record):
    assert crossval_record.figures_of(record, "lstm", parameters, PREPARED, CORPORA) != {}
    parameters["network"]["units"] += 1
    assert crossval_record.figures_of(record, "lstm", parameters, PREPARED, CORPORA) == {}
    assert crossval_record.figures_of(record, "gru", parameters, PREPARED, CORPORA) == {}


def test_other_messages_were_not_measured_but_corrections_of_callers_change_nothing(parameters, record, tmp_path):
    for name in ("train", "validation"):
        (tmp_path / f"{name}.csv").write_bytes((PREPARED / f"{name}.csv").read_bytes())
    with (tmp_path / "train.csv").open("a") as file:
        file.write("0123456789ab,1,9999,spam,one more,feedback,,\n")
    assert crossval_record.figures_of(record, "lstm", parameters, tmp_path, CORPORA) != {}
    with (tmp_path / "train.csv").open("a") as file:
        file.write("0123456789ac,1,9999,spam,and another,sms,,\n")
    assert crossval_record.figures_of(record, "lstm", parameters, tmp_path, CORPORA) == {}


def test_every_candidate_that_was_searched_stands_in_the_parameters():
    tried = set(json.loads(KEPT.read_text())["candidates"])
    assert tried <= {"baseline", *params.load(ROOT / "params.yaml").candidates}


def test_the_shipped_record_of_parts_left_out_has_what_the_readme_says():
    candidates = json.loads((ROOT / "pipelines/search/leave_out.json").read_text())["candidates"]
    for name in ("lstm", "linear"):
        assert candidates[name]["auc"] >= 0.9795 and candidates[name]["caught"] >= 0.858
        assert candidates[name]["blocked"] <= 0.045 and 0.9 < candidates[name]["temperature"] < 1.1
        assert len(candidates[name]["origins"]) == 20
