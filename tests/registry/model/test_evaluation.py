import json
import math

import pytest

from registry.model.evaluation import CaseCount, EvaluationDetails
from registry.model.profile import profile_of


def test_details_are_the_same_after_they_were_written(tmp_path):
    details = EvaluationDetails(
        intervals={"mcc": (0.9, 0.95)},
        slices={"short": {"messages": 3, "mcc": 1.0}},
        behaviour={"direction": {"chat_line": CaseCount(cases=2, passed=1)}},
        training=profile_of([("ham", "hi")]),
    )
    details.write(tmp_path / "details.json")
    assert EvaluationDetails.read(tmp_path / "details.json") == details
    written = json.loads((tmp_path / "details.json").read_text())
    names = ["intervals", "slices", "slice_figures", "behaviour", "crossval", "baseline", "data", "training", "test"]
    assert list(written) == [*names, "corpora", "sources", "inapplicable"]
    assert '"messages": 3,' in (tmp_path / "details.json").read_text(), "a count stays an integer"


def test_what_was_not_measured_is_empty_and_what_is_undefined_stays_nan(tmp_path):
    path = tmp_path / "details.json"
    path.write_text('{"baseline": {"mcc": NaN}}')
    details = EvaluationDetails.read(path)
    assert details.slices == {} and details.training is None
    details.write(path)
    assert math.isnan(EvaluationDetails.read(path).baseline["mcc"])


@pytest.mark.parametrize("content", ["{", "[]", '{"slices": 3}'])
def test_another_file_is_refused(tmp_path, content):
    (tmp_path / "details.json").write_text(content)
    with pytest.raises(ValueError):
        EvaluationDetails.read(tmp_path / "details.json")
