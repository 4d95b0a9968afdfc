"""What becomes of corrections: on a small corpus whose split is written out."""

import pandas as pd
import pytest

from pipelines.data import corpora
from pipelines.data.cleaning import message_id
from pipelines.data.corpus import CorpusError
from pipelines.data.corrections import merge, read

CORPUS = [
    ("ham", "Are we still meeting for lunch tomorrow at the corner cafe", "train"),
    ("spam", "Congratulations you have won a holiday voucher reply to claim", "train"),
    ("ham", "Please remember to bring the blue folder to the office", "test"),
    ("spam", "Your mobile number was drawn for a cash reward ring us now", "validation"),
]


@pytest.fixture
def messages():
    rows = [
        (message_id(text), i, i - 1, label, text, "sms", "", "", name)
        for i, (label, text, name) in enumerate(CORPUS, 1)
    ]
    return pd.DataFrame(rows, columns=corpora.COLUMNS)


def corrections(*rows):
    return pd.DataFrame([(i, *row) for i, row in enumerate(rows, 2)], columns=["line", "label", "text"])


def added(merged):
    return merged.loc[merged["source"] == "feedback", ["label", "text", "split"]].to_numpy().tolist()


def test_a_correction_becomes_a_message_of_train_behind_those_of_the_corpus(messages):
    merged, counts, unusable = merge(messages, corrections(("spam", "Dear mum, my phone broke  ")), 0.5)
    assert added(merged) == [["spam", "Dear mum, my phone broke", "train"]]
    assert merged.head(4).to_dict() == messages.to_dict()
    assert merged["group"].nunique() == 5
    assert (counts, unusable) == ({"rows": 1, "added": 1}, [])


def test_without_corrections_nothing_changes(messages):
    merged, counts, unusable = merge(messages, corrections(), 0.5)
    assert merged.to_dict() == messages.to_dict() and (counts, unusable) == ({"rows": 0}, [])


def test_what_the_corpus_knows_is_not_added_and_what_it_contradicts_is_told(messages):
    sent = corrections(("spam", CORPUS[1][1].upper()), ("spam", CORPUS[0][1]), ("ham", CORPUS[3][1]))
    merged, counts, unusable = merge(messages, sent, 0.5)
    assert merged.to_dict() == messages.to_dict()
    assert counts == {"rows": 3, "known": 1, "contradicting": 2}
    why = "sms gives this text another label, in line {}"
    assert unusable == [(3, why.format(1)), (4, why.format(4))]


def test_corrections_that_disagree_are_all_left_out(messages):
    sent = corrections(("spam", "Call me in 5"), ("ham", "call me in 7"), ("spam", "other"), ("spam", "OTHER"))
    merged, counts, unusable = merge(messages, sent, 0.5)
    assert added(merged) == [["spam", "other", "train"]]
    assert counts == {"rows": 4, "added": 1, "disputed": 2, "duplicate": 1}
    assert [line for line, _ in unusable] == [2, 3]


def test_a_rejected_text_is_not_added_whoever_else_sends_it(messages):
    sent = corrections(("rejected", "Call me in 5"), ("spam", "call me in 7"), ("spam", "other"))
    merged, counts, unusable = merge(messages, sent, 0.5)
    assert added(merged) == [["spam", "other", "train"]]
    assert (counts, unusable) == ({"rows": 3, "added": 1, "rejected": 2}, [])


def test_rows_that_cannot_be_used_are_told(messages):
    sent = corrections(("", "no label"), ("spam", " "), ("eggs", "a label of another corpus"))
    merged, counts, unusable = merge(messages, sent, 0.5)
    assert added(merged) == [] and counts == {"rows": 3, "empty": 2, "unknown_label": 1}
    assert [line for line, _ in unusable] == [2, 3, 4]


@pytest.mark.parametrize("held_out", [2, 3], ids=["test", "validation"])
def test_nothing_near_to_a_held_out_message_is_trained_on(messages, held_out):
    label, text, _ = CORPUS[held_out]
    near = f"{text} ok"
    chained = f"{near} then, and do not forget about the other thing"  # near to a correction that is near
    merged, counts, _ = merge(messages, corrections((label, near), (label, chained), ("ham", "unlike all")), 0.5)
    assert added(merged) == [["ham", "unlike all", "train"]]
    assert counts == {"rows": 3, "added": 1, "twin": 2}
    assert merged.head(4).to_dict() == messages.to_dict()


def test_a_correction_lies_in_the_group_of_its_twin(messages):
    merged, _, _ = merge(messages, corrections(("ham", CORPUS[0][1] + " then")), 0.5)
    assert merged["group"].tolist() == [0, 1, 2, 3, 0]


def test_a_correction_between_two_groups_of_train_joins_them(messages):
    sent = corrections(("spam", f"{CORPUS[0][1]} {CORPUS[1][1]}"))
    merged, _, _ = merge(messages, sent, 0.4)
    assert merged["group"].tolist() == [0, 0, 2, 3, 0]


def test_a_file_that_is_missing_or_has_only_a_header_has_no_rows(tmp_path):
    assert read(tmp_path / "feedback.csv").rows.empty
    (tmp_path / "feedback.csv").write_text("text,label,source\n")
    assert read(tmp_path / "feedback.csv").rows.empty
    (tmp_path / "feedback.csv").write_text("words,label\nhi,ham\n")
    with pytest.raises(CorpusError, match="no column 'text'"):
        read(tmp_path / "feedback.csv")
