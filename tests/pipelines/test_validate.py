import re
from urllib.parse import unquote

import pandas as pd
import pytest

from pipelines.data import corpus, expectations
from pipelines.data.cleaning import deduplicate
from pipelines.data.splits import COLUMNS, assign_splits
from pipelines.data.twins import twin_groups
from pipelines.params import load
from pipelines.validate import check, summary, tables

ROOT = corpus.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def suite():
    params = load(ROOT / "params.yaml")
    return expectations.suite(params.validate_, "spam", "sms", ["beside"], ["sms"], ["ham", "spam"])


@pytest.fixture
def frames(tmp_path):
    """The tables of a sound corpus of 1,200 messages, prepared by the real code."""
    letters = [(chr(97 + i % 26), chr(97 + i // 26 % 26), chr(97 + i // 676)) for i in range(1200)]
    texts = [f"message {a * 3} {b * 5} {c * 4}" for a, b, c in letters]
    rows = pd.DataFrame(
        {"line": range(1, 1201), "label": ["spam" if i % 7 == 0 else "ham" for i in range(1200)], "text": texts}
    ).assign(part="", kind="")
    distinct, _ = deduplicate(rows)
    distinct["group"] = twin_groups(distinct["text"].tolist(), 0.9)
    names = assign_splits(distinct, 0.2, 0.1, seed=1)
    for name in ("train", "validation", "test"):
        part = distinct[names == name].assign(source="sms", part="", kind="")
        if name == "train":
            part["source"] = ["feedback"] + ["sms"] * (len(part) - 1)
        part[COLUMNS].to_csv(tmp_path / f"{name}.csv", index=False)
    return tables({"sms": corpus.Raw(rows, []), "beside": corpus.Raw(rows.head(20), [])}, tmp_path)


def failures(frames, suite, tmp_path):
    return [outcome for outcome in check(frames, suite, tmp_path / "docs") if not outcome["success"]]


def test_a_sound_corpus_meets_everything_and_gets_its_docs(frames, suite, tmp_path):
    assert failures(frames, suite, tmp_path) == []
    pages = [page.read_text() for page in (tmp_path / "docs").rglob("*.html")]
    assert len(pages) == 1 + 2 * len(frames)
    loaded = r"<script|<(link|img)\b[^>]*https?:|url\(.https?:|@import"
    assert not any(re.search(loaded, page) for page in pages)


def test_the_index_of_the_docs_needs_no_script_and_leads_to_each_table(frames, suite, tmp_path):
    for _ in range(2):  # the second time finds the pages of the first
        check(frames, suite, tmp_path / "docs")
    index = (tmp_path / "docs" / "index.html").read_text()
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a></td><td>(\d+) of (\d+)', index)
    assert [name for _, name, _, _ in links] == list(frames)
    for link, name, met, total in links:
        page = (tmp_path / "docs" / unquote(link)).read_text()
        assert met == total and re.search(rf"Validations\s*/\s*{name}\s*/", page)


def test_rows_that_break_an_expectation_are_named(frames, suite, tmp_path):
    frames["prepared"].loc[3, "text"] = "x" * 10_001
    (failure,) = failures(frames, suite, tmp_path)
    assert failure["column"] == "text" and failure["unexpected"] == 1
    assert failure["rows"][0]["line"] == str(frames["prepared"].loc[3, "line"])


def test_each_kind_of_unsound_corpus_is_noticed(frames, suite, tmp_path):
    prepared = frames["prepared"]
    prepared.loc[0, "id"] = prepared.loc[1, "id"]
    prepared.loc[5, "splits_of_group"] = 2
    prepared.loc[7, "label"] = None
    prepared.loc[prepared.index[prepared["split"] == "test"][0], "source"] = "feedback"
    frames["beside labels"] = pd.DataFrame({"label": ["ham", "smishing"], "share": [0.99, 0.01]})
    frames["sms labels"] = pd.DataFrame({"label": ["ham", "eggs"], "share": [0.99, 0.01]})
    frames["sms raw"] = frames["sms raw"].head(900).assign(text=["same text"] * 600 + [""] * 300)
    found = failures(frames, suite, tmp_path)
    failed = {(outcome["table"], outcome.get("column"), outcome["expectation"]) for outcome in found}
    assert failed == {
        ("sms raw", None, "expect_table_row_count_to_be_between"),
        ("sms raw", "text", "expect_column_value_lengths_to_be_between"),
        ("sms raw", "text", "expect_column_proportion_of_unique_values_to_be_between"),
        ("sms labels", "label", "expect_column_distinct_values_to_contain_set"),
        ("sms labels", "share", "expect_column_values_to_be_between"),
        ("beside labels", "label", "expect_column_values_to_be_in_set"),
        ("prepared", "id", "expect_column_values_to_be_unique"),
        ("prepared", "splits_of_group", "expect_column_values_to_be_between"),
        ("prepared", "label", "expect_column_values_to_not_be_null"),
        ("prepared", None, "expect_column_pair_values_to_be_in_set"),
    }


def test_what_is_told_of_failed_expectations_has_no_row(frames, suite, tmp_path):
    frames["prepared"].loc[3, "text"] = "x" * 10_001
    told = summary(failures(frames, suite, tmp_path))
    kind = "expect_column_value_lengths_to_be_between"
    assert told == {
        "count": 1,
        "failed": [{"table": "prepared", "expectation": kind, "column": "text", "unexpected": 1}],
    }
