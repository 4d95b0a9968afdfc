import json

from pipelines.data import stand_in
from registry.versions import STAND_IN


def test_only_the_stand_in_is_marked(tmp_path, monkeypatch):
    (tmp_path / "part").write_bytes(b"ham\thi\n")
    (tmp_path / "whole").write_bytes(b"ham\thi\nspam\twin\n")
    monkeypatch.setattr(stand_in, "SHA256", stand_in.hashlib.sha256(b"ham\thi\n").hexdigest())
    assert stand_in.mark_of_corpus(tmp_path / "part") == {STAND_IN: stand_in.SOURCE}
    assert stand_in.mark_of_corpus(tmp_path / "whole") == {}


def test_the_mark_is_read_from_the_report(tmp_path):
    for report, mark in (({"rows": 3}, {}), ({"rows": 3, STAND_IN: "a part"}, {STAND_IN: "a part"})):
        (tmp_path / "report.json").write_text(json.dumps(report))
        assert stand_in.mark_of_prepared(tmp_path) == mark


def test_the_corpora_that_have_a_stand_in_are_named_by_the_report(tmp_path):
    corpora = {"sms": {"rows": 3, STAND_IN: "a part"}, "written": {"rows": 4}}
    (tmp_path / "report.json").write_text(json.dumps({STAND_IN: "a part", "corpora": corpora}))
    assert stand_in.marks_by_corpus(tmp_path) == {"sms": "a part"}
