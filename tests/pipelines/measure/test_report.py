"""The page of a small evaluation."""

import json
import re

import pytest

from pipelines.measure import report
from tests.toy import write_toy

PREDICTIONS = """id,actual,predicted,p_ham,p_spam,source
a,ham,ham,0.9,0.1,sms
b,ham,spam,0.2,0.8,sms
c,spam,spam,0.1,0.9,sms
d,spam,spam,0.3,0.7,written
"""
NONE_OF_TEN = {"count": 0, "of": 10, "low": 0, "high": 0.3085}
DETAILS = {
    "intervals": {"mcc": [0.41, 0.62]},
    "slice_figures": {"short": {"messages": 10, "blocked": NONE_OF_TEN}},
    "behaviour": {"invariance": {"typo": {"cases": 4, "passed": 3}}},
    "baseline": {"mcc": 0.4},
    "test": {"messages": 3},
    "corpora": [{"name": "sms", "role": "train"}, {"name": "written", "role": "train"}],
    "sources": {"written": {"messages": 12, "kinds": {"otp": {"messages": 10, "blocked": NONE_OF_TEN}}}},
}


@pytest.fixture
def evaluated(tmp_path):
    write_toy(tmp_path, corpus_sha256="c0ffee")
    (tmp_path / "metrics.json").write_text(json.dumps({"mcc": 0.5, "behaviour.invariance": 0.75}))
    (tmp_path / "details.json").write_text(json.dumps(DETAILS))
    (tmp_path / "predictions.csv").write_text(PREDICTIONS)
    row = "0.8,ham,spam,<script>alert(1)</script> & co,win +1.0\n"
    (tmp_path / "mistakes.csv").write_text("confidence,actual,predicted,text,because\n" + row)
    (tmp_path / "behaviour.csv").write_text("capability,test,text,spam,passed\ninvariance,typo,wni,0.1,False\n")
    (tmp_path / "curves.csv").write_text("epoch,loss,val_loss\n1,0.5,0.4\n2,0.3,0.3\n")
    return report.read("lstm", tmp_path, tmp_path, tmp_path / "curves.csv")


def text_of(page):
    """What a reader sees, with single blanks."""
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL).split())


def test_it_says_what_was_measured(evaluated):
    text = text_of(report.render([evaluated], "spam"))
    for part in (
        "mcc 0.5000 [0.4100, 0.6200] 0.4000",
        "short 0.0% [0.0, 30.9] 0 of 10",
        "written: otp 0.0% [0.0, 30.9] 0 of 10",
        "invariance typo 3 of 4",
        "0.8 ham spam",
        "win +1.0",
        "invariance: typo 0.1 wni",
        "c0ffee",
        "of the test split of sms, 3 messages",
        "ham 1 1 spam 0 1",  # the confusion, of sms alone
    ):
        assert part in text


def test_it_needs_no_other_file_and_runs_no_script_not_even_a_message_s(evaluated):
    page = report.render([evaluated], "spam")
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert not re.findall(r"<(?:link|img|iframe|object)|url\((?!#)|@import|\bsrc=|href=\"(?!#)", page)
    assert page.count("<svg") == 3 and "default-src 'none'" in page


def test_the_figures_have_the_colour_of_the_page_s_text(evaluated):
    page = report.render([evaluated], "spam")
    assert "currentColor" in page and "#010203" not in page and "prefers-color-scheme: dark" in page


def test_variants_stand_side_by_side_and_what_one_lacks_is_empty(evaluated, tmp_path):
    details = {"sources": {}, "corpora": []}
    (tmp_path / "details.json").write_text(json.dumps(details))
    (tmp_path / "behaviour.csv").unlink()
    other = report.read("champion, version 1", tmp_path, tmp_path)
    text = text_of(report.render([evaluated, other], "spam", [{"table": "sms", "expectation": "e", "success": True}]))
    assert "mcc 0.5000 [0.4100, 0.6200] 0.5000 0.4000" in text
    assert "champion, version 1 called ham called spam ham 1 1 spam 0 2" in text
    assert "1 of 1 met table expectation arguments sms e met" in text


def test_the_same_evaluation_gives_the_same_bytes(evaluated):
    assert report.render([evaluated], "spam") == report.render([evaluated], "spam")
