import json

from registry.thresholds import thresholds_from
from tests.registry.conftest import THRESHOLDS


def test_the_thresholds_know_which_corpora_must_be_measured(tmp_path):
    corpora = [{"name": "sms"}, {"name": "else", "optional": True}, {"name": "written", "optional": False}]
    gate = THRESHOLDS.model_dump(exclude={"corpora"})
    (tmp_path / "params.yaml").write_text(json.dumps({"gate": gate, "corpora": corpora}))
    assert thresholds_from(tmp_path / "params.yaml").corpora == ("sms", "written")
